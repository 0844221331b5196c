//! Many connections at once, and what a limit may admit of them.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Request};
use crate::raw::{Raw, RawResponse};

/// One request of a load, timed from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it was about to be sent, since the load began.
    pub sent: Duration,
    /// When its answer was there.
    pub answered: Duration,
    /// The status of the answer.
    pub status: u16,
}

/// Sends `requests` requests over each of `connections` connections, all at once, and says how
/// each went, in the order of the answers.
///
/// # Panics
///
/// When a connection fails or an answer does not come.
#[must_use]
pub fn hammer(
    address: SocketAddr,
    connections: usize,
    requests: usize,
    request: &Request,
) -> Vec<Attempt> {
    let ready = Barrier::new(connections);
    let start = Instant::now();
    let mut attempts: Vec<Attempt> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::http1(address);
                    ready.wait();
                    (0..requests)
                        .map(|_| {
                            let sent = start.elapsed();
                            let status = client.send(request).expect("an answer").status;
                            Attempt {
                                sent,
                                answered: start.elapsed(),
                                status,
                            }
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("the load goes through"))
            .collect()
    });
    attempts.sort_by_key(|attempt| attempt.answered);
    attempts
}

/// Sends each of these over a connection of its own, eight at a time, and reads all answers, as
/// long as a second brings something.
///
/// # Panics
///
/// When nobody listens there.
#[must_use]
pub fn send_all(address: SocketAddr, requests: &[Vec<u8>]) -> Vec<Vec<RawResponse>> {
    const CONNECTIONS: usize = 8;
    let next = AtomicUsize::new(0);
    let mut answers: Vec<(usize, Vec<RawResponse>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(request) = requests.get(number) else {
                            return answers;
                        };
                        let mut raw = Raw::connect(address).patience(Duration::from_secs(1));
                        raw.send(request);
                        answers.push((number, raw.responses()));
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("the load goes through"))
            .collect()
    });
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answers)| answers).collect()
}

/// How many of these attempts, whose status says whether they were throttled (429), a bucket of
/// `burst` tokens refilled at `rate` per second can have admitted.
///
/// The decision on an attempt fell at a moment between its sending and its answer, so both ends
/// are exact up to that:
/// - the last admitted request found a token, so that `admitted ≤ burst + rate × window`, over
///   the longest window from the first request to the last admitted one;
/// - a refused request found none, so that `admitted > burst − 1 + rate × window`, over the
///   shortest window from the first admitted request to the last refused one. This holds while
///   the bucket was never full again in between; after a pause long enough for that, the least
///   is 1.
///
/// # Panics
///
/// When nothing was admitted.
#[must_use]
pub fn admissible(attempts: &[Attempt], rate: f64, burst: f64) -> RangeInclusive<usize> {
    const THROTTLED: u16 = 429;
    let (refused, admitted): (Vec<&Attempt>, Vec<&Attempt>) = attempts
        .iter()
        .partition(|attempt| attempt.status == THROTTLED);
    let first_sent = attempts.iter().map(|attempt| attempt.sent).min();
    let last_admitted = admitted.iter().map(|attempt| attempt.answered).max();
    let first_admitted = admitted.iter().map(|attempt| attempt.answered).min();
    let (Some(first_sent), Some(last_admitted), Some(first_admitted)) =
        (first_sent, last_admitted, first_admitted)
    else {
        panic!("nothing was admitted");
    };
    let longest = last_admitted.saturating_sub(first_sent).as_secs_f64();
    let most = rate.mul_add(longest, burst).floor();
    let least = refused
        .iter()
        .map(|attempt| attempt.sent)
        .max()
        .map_or(1.0, |last_refused| {
            let shortest = last_refused.saturating_sub(first_admitted).as_secs_f64();
            rate.mul_add(shortest, burst - 1.0).floor() + 1.0
        });
    let full_again = Duration::from_secs_f64(burst / rate);
    let pause = attempts
        .windows(2)
        .map(|pair| pair[1].answered.saturating_sub(pair[0].sent))
        .max()
        .unwrap_or_default();
    // A slow machine must not fail a test: after such a pause nothing is said of the least.
    let least = if pause < full_again { least } else { 1.0 };
    count(least.max(1.0))..=count(most)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of requests in a test: small, whole and not negative"
)]
const fn count(number: f64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bucket of 5 tokens, 10 more a second, asked every 10 ms.
    fn simulate(admit: impl Fn(f64, usize) -> bool) -> Vec<Attempt> {
        let mut admitted = 0;
        (0..200_u32)
            .map(|number| {
                let sent = Duration::from_millis(10) * number;
                let status = if admit(sent.as_secs_f64(), admitted) {
                    admitted += 1;
                    200
                } else {
                    429
                };
                Attempt {
                    sent,
                    answered: sent + Duration::from_millis(1),
                    status,
                }
            })
            .collect()
    }

    fn admitted(attempts: &[Attempt]) -> usize {
        attempts
            .iter()
            .filter(|attempt| attempt.status == 200)
            .count()
    }

    #[test]
    fn an_exact_bucket_is_within_the_bounds_and_others_are_not() {
        let exact = simulate(|now, admitted| (admitted as f64) <= 4.0 + 10.0 * now);
        let generous = simulate(|now, admitted| (admitted as f64) <= 7.0 + 10.0 * now);
        let stingy = simulate(|now, admitted| (admitted as f64) <= 2.0 + 10.0 * now);
        assert!(admissible(&exact, 10.0, 5.0).contains(&admitted(&exact)));
        assert!(admissible(&generous, 10.0, 5.0).end() < &admitted(&generous));
        assert!(admissible(&stingy, 10.0, 5.0).start() > &admitted(&stingy));
    }
}
