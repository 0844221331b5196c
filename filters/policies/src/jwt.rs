//! JSON Web Tokens: who holds one that an API's JWT or Cognito authorizer takes.
//!
//! A token is read by the rules of `jwt-simple`: three parts in base64url without padding, a
//! header and claims of the registered shapes, nothing critical that is not understood. Its
//! signature is verified by the proxy where the proxy can, and by `jwt-simple`'s keys where it
//! cannot; both are held to the same policy, because a key is taken only when both take it. The
//! algorithm is the key's, never the token's choice alone.
//!
//! What is remembered of a token is that its signature is right and what it claims, under its
//! digest. Whether the claims are good for this API, operation and moment is judged anew for
//! every request.
//!
//! RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 (JWA), RFC 7519 (JWT), RFC 8037 (EdDSA), RFC 8725
//! (best practices),
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html>

mod algorithm;
mod authorizers;
mod claims;
mod der;
mod fault;
mod identity_source;
mod key_set;
mod key_source;
mod public_key;
mod requirements;
#[cfg(test)]
mod test_gateway;
#[cfg(test)]
mod test_issuer;
mod token;
mod verified_tokens;

pub use authorizers::{TokenAuthorizer, TokenAuthorizers};
pub use claims::{Claims, Rendering};
pub use fault::{JwtDenial, TokenFault};
pub use key_set::{KeySet, KeySetFault};
pub use public_key::PublicKey;
pub use token::Token;
pub use verified_tokens::VerifiedToken;
