//! The laws that every exchange keeps, watched from the proxy's side.
//!
//! [`Witness`] sees each [`Step`] and each byte that leaves the proxy, in order, and says which
//! law is broken. It knows nothing of how the steps came about.

use std::fmt;

use attache_policies::{Hold, Step};

/// A law of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// At most one answer is made by the gateway.
    OneReply,
    /// After an answer was given, nothing is done to the exchange.
    NothingAfterTheAnswer,
    /// The request is sent on at most once.
    OneForward,
    /// No byte reaches the upstream before the pipeline has sent the request on.
    NothingForwardedUnasked,
    /// An upstream's answer is changed only after the request was sent on.
    ReleaseNeedsForward,
    /// What is held agrees with what the pipeline waits for: a callout, a body or a pause
    /// hold the message, a reply stops it, everything else lets pass.
    HoldFollowsTheQuestion,
    /// A new body is only set by who has awaited the whole old one.
    NewBodyNeedsTheOldOne,
    /// A pipeline ends without an answer only after it has passed the upstream's on, and it does
    /// nothing else then.
    EndNeedsPassOn,
    /// A pipeline never waits for what cannot come any more.
    EveryPauseEnds,
}

impl Law {
    const fn says(self) -> &'static str {
        match self {
            Self::OneReply => "at most one reply per exchange",
            Self::NothingAfterTheAnswer => "after the answer nothing is done to the exchange",
            Self::OneForward => "a request is sent on at most once",
            Self::NothingForwardedUnasked => "nothing is forwarded before the pipeline said so",
            Self::ReleaseNeedsForward => "an answer is released only after the request was sent on",
            Self::HoldFollowsTheQuestion => {
                "a message is held exactly while a callout, a body or a moment is awaited"
            }
            Self::NewBodyNeedsTheOldOne => {
                "a new body is only set after the whole old one was awaited"
            }
            Self::EndNeedsPassOn => {
                "a pipeline ends without an answer only after it has passed one on"
            }
            Self::EveryPauseEnds => "a pipeline never waits for what cannot come any more",
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.says())
    }
}

/// Watches one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    forwarded: bool,
    answer: Option<Given>,
    request_collected: bool,
    response_collected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Reply,
    Release,
    PassOn,
}

impl Witness {
    /// A request has arrived. One that ends with its headers has no body to be awaited.
    #[must_use]
    pub const fn new(ends_with_headers: bool) -> Self {
        Self {
            forwarded: false,
            answer: None,
            request_collected: ends_with_headers,
            response_collected: false,
        }
    }

    /// A step was told to the proxy, and this is what the proxy holds from now on.
    ///
    /// # Errors
    ///
    /// The law that the step breaks.
    pub fn step(&mut self, step: &Step, hold: Hold) -> Result<(), Law> {
        if *step == Step::Ignore {
            return Ok(());
        }
        match (self.answer, step) {
            (Some(Given::Reply), Step::Reply(_)) => return Err(Law::OneReply),
            (Some(Given::PassOn), Step::Done) => {}
            (_, Step::Done) => return Err(Law::EndNeedsPassOn),
            (Some(_), _) => return Err(Law::NothingAfterTheAnswer),
            (None, _) => {}
        }
        let follows = match step {
            Step::Call(_) | Step::Collect | Step::Pause(_) => {
                matches!(hold, Hold::Request | Hold::Response)
            }
            Step::Forward(_) | Step::Release(_) | Step::PassOn(..) | Step::Done => {
                hold == Hold::Nothing
            }
            Step::Reply(_) => hold == Hold::Answered,
            Step::Ignore => true,
        };
        if !follows {
            return Err(Law::HoldFollowsTheQuestion);
        }
        match step {
            Step::Collect if hold == Hold::Request => self.request_collected = true,
            Step::Collect => self.response_collected = true,
            Step::Forward(_) if self.forwarded => return Err(Law::OneForward),
            Step::Forward(edits) => {
                self.forwarded = true;
                if edits.body.is_some() && !self.request_collected {
                    return Err(Law::NewBodyNeedsTheOldOne);
                }
            }
            Step::Release(_) | Step::PassOn(..) if !self.forwarded => {
                return Err(Law::ReleaseNeedsForward);
            }
            Step::Release(edits) | Step::PassOn(edits, _) => {
                self.answer = Some(match step {
                    Step::PassOn(..) => Given::PassOn,
                    _ => Given::Release,
                });
                if edits.body.is_some() && !self.response_collected {
                    return Err(Law::NewBodyNeedsTheOldOne);
                }
            }
            Step::Reply(_) => self.answer = Some(Given::Reply),
            Step::Done => self.answer = Some(Given::Release),
            Step::Call(_) | Step::Pause(_) | Step::Ignore => {}
        }
        Ok(())
    }

    /// A part of the request is about to reach the upstream.
    ///
    /// # Errors
    ///
    /// When the pipeline has not sent the request on.
    pub const fn upstream_reached(&self) -> Result<(), Law> {
        if self.forwarded {
            Ok(())
        } else {
            Err(Law::NothingForwardedUnasked)
        }
    }
}

#[cfg(test)]
mod tests {
    use attache_policies::{Callout, Edits, Reply};

    use super::*;

    fn callout() -> Step {
        Step::Call(Callout {
            cluster: "authorizer".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_millis: 1000,
            shared_as: None,
        })
    }

    fn with_body() -> Edits {
        Edits {
            headers: Vec::new(),
            body: Some(b"new".to_vec()),
        }
    }

    fn witness(steps: &[(Step, Hold)]) -> Result<(), Law> {
        let mut witness = Witness::new(false);
        for (step, hold) in steps {
            witness.step(step, *hold)?;
        }
        Ok(())
    }

    #[test]
    fn lawful_exchanges() {
        let forward = || (Step::Forward(Edits::default()), Hold::Nothing);
        let release = || (Step::Release(Edits::default()), Hold::Nothing);
        let reply = || (Step::Reply(Reply::default()), Hold::Answered);
        let pass_on = || (Step::PassOn(Edits::default(), 10), Hold::Nothing);
        let done = || (Step::Done, Hold::Nothing);
        let lawful: [&[(Step, Hold)]; 8] = [
            &[forward(), pass_on(), done(), (Step::Ignore, Hold::Nothing)],
            &[(Step::Pause(5), Hold::Request), forward(), pass_on()],
            &[forward(), pass_on(), (Step::Ignore, Hold::Nothing)],
            &[forward()],
            &[reply(), (Step::Ignore, Hold::Answered)],
            &[
                (callout(), Hold::Request),
                (Step::Collect, Hold::Request),
                (Step::Forward(with_body()), Hold::Nothing),
                release(),
            ],
            &[
                forward(),
                (Step::Collect, Hold::Response),
                (Step::Release(with_body()), Hold::Nothing),
            ],
            &[forward(), (callout(), Hold::Response), reply()],
        ];
        for steps in lawful {
            assert_eq!(witness(steps), Ok(()), "{steps:?}");
        }
    }

    #[test]
    fn every_breach_is_named() {
        let forward = || (Step::Forward(Edits::default()), Hold::Nothing);
        let release = || (Step::Release(Edits::default()), Hold::Nothing);
        let reply = || (Step::Reply(Reply::default()), Hold::Answered);
        let pass_on = || (Step::PassOn(Edits::default(), 10), Hold::Nothing);
        let done = || (Step::Done, Hold::Nothing);
        let unlawful: [(&[(Step, Hold)], Law); 19] = [
            (&[done()], Law::EndNeedsPassOn),
            (&[forward(), done()], Law::EndNeedsPassOn),
            (&[forward(), release(), done()], Law::EndNeedsPassOn),
            (&[forward(), pass_on(), done(), done()], Law::EndNeedsPassOn),
            (
                &[forward(), pass_on(), (Step::Done, Hold::Response)],
                Law::HoldFollowsTheQuestion,
            ),
            (&[pass_on()], Law::ReleaseNeedsForward),
            (&[forward(), pass_on(), reply()], Law::NothingAfterTheAnswer),
            (
                &[forward(), pass_on(), (Step::Pause(5), Hold::Response)],
                Law::NothingAfterTheAnswer,
            ),
            (
                &[(Step::Pause(5), Hold::Nothing)],
                Law::HoldFollowsTheQuestion,
            ),
            (&[reply(), reply()], Law::OneReply),
            (&[reply(), forward()], Law::NothingAfterTheAnswer),
            (
                &[forward(), release(), (Step::Collect, Hold::Response)],
                Law::NothingAfterTheAnswer,
            ),
            (&[forward(), release(), reply()], Law::NothingAfterTheAnswer),
            (&[forward(), forward()], Law::OneForward),
            (&[release()], Law::ReleaseNeedsForward),
            (&[(callout(), Hold::Nothing)], Law::HoldFollowsTheQuestion),
            (
                &[(Step::Forward(Edits::default()), Hold::Request)],
                Law::HoldFollowsTheQuestion,
            ),
            (
                &[(Step::Forward(with_body()), Hold::Nothing)],
                Law::NewBodyNeedsTheOldOne,
            ),
            (
                &[
                    (Step::Collect, Hold::Request),
                    forward(),
                    (Step::Release(with_body()), Hold::Nothing),
                ],
                Law::NewBodyNeedsTheOldOne,
            ),
        ];
        for (steps, law) in unlawful {
            assert_eq!(witness(steps), Err(law), "{steps:?}");
        }
        assert_eq!(
            Witness::new(false).upstream_reached(),
            Err(Law::NothingForwardedUnasked)
        );
    }
}
