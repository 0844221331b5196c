//! What is called, as policies name it.

use std::fmt;

/// How long the ARN of a method may be, in bytes.
pub const LONGEST_METHOD_ARN: usize = 1600;

/// A request whose path makes the ARN longer than [`LONGEST_METHOD_ARN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodArnTooLong;

impl fmt::Display for MethodArnTooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the ARN of the method is longer than {LONGEST_METHOD_ARN} bytes"
        )
    }
}

impl std::error::Error for MethodArnTooLong {}

/// The ARN that all methods of an API have in front.
#[must_use]
pub fn api_arn(region: &str, account: &str, api: &str) -> String {
    let partition = partition(region);
    format!("arn:{partition}:execute-api:{region}:{account}:{api}")
}

/// The ARN of a call: `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`, with the path
/// that was asked for and not the template.
///
/// # Errors
///
/// When it is too long; then nothing is asked, and the caller told so.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html>
pub fn method_arn(
    region: &str,
    account: &str,
    api: &str,
    stage: &str,
    method: &str,
    path: &str,
) -> Result<String, MethodArnTooLong> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.len() > LONGEST_METHOD_ARN {
        return Err(MethodArnTooLong);
    }
    let mut arn = api_arn(region, account, api);
    for part in [stage, method, path] {
        arn.push('/');
        arn.push_str(part);
    }
    if arn.len() > LONGEST_METHOD_ARN {
        return Err(MethodArnTooLong);
    }
    Ok(arn)
}

/// The group of regions that AWS keeps apart.
fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{LONGEST_METHOD_ARN, MethodArnTooLong, method_arn};

    #[wasm_bindgen_test(unsupported = test)]
    fn arns_are_written_as_aws_does() {
        for (region, stage, path, expected) in [
            (
                "eu-west-1",
                "prod",
                "/pets/1",
                "arn:aws:execute-api:eu-west-1:123456789012:a1/prod/GET/pets/1",
            ),
            (
                "us-east-1",
                "$default",
                "/",
                "arn:aws:execute-api:us-east-1:123456789012:a1/$default/GET/",
            ),
            (
                "cn-north-1",
                "s",
                "",
                "arn:aws-cn:execute-api:cn-north-1:123456789012:a1/s/GET/",
            ),
            (
                "us-gov-west-1",
                "s",
                "//a/",
                "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:a1/s/GET//a/",
            ),
        ] {
            let arn = method_arn(region, "123456789012", "a1", stage, "GET", path);
            assert_eq!(arn.as_deref(), Ok(expected));
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn too_long_is_an_error() {
        let arn = |path: &str| method_arn("eu-west-1", "123456789012", "a1", "prod", "GET", path);
        let rest = LONGEST_METHOD_ARN - arn("/").unwrap().len();
        assert_eq!(arn(&"x".repeat(rest)).unwrap().len(), LONGEST_METHOD_ARN);
        assert_eq!(arn(&"x".repeat(rest + 1)), Err(MethodArnTooLong));
        assert_eq!(arn(&"x".repeat(1 << 20)), Err(MethodArnTooLong));
    }
}
