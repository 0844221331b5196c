//! The names of the gateway's statistics: AWS's metrics and dimensions in one dotted name.
//!
//! ```text
//! attache.api.{api}.stage.{stage}.{Metric}
//! attache.api.{api}.stage.{stage}.method.{METHOD}.resource.{path}.{Metric}
//! attache.redis.{Metric}
//! ```
//!
//! A proxy's statistics have a name and nothing else, so the dimensions stand in the name, and the
//! compiler writes rules that take them out again as labels. The filter and those rules agree
//! because both take the shape from here. In Prometheus a name becomes
//! `attache_Count{api="petstore",stage="prod"}`, with `method` and `resource` beside them where a
//! method keeps metrics of its own (AWS: detailed metrics).
//!
//! A value is written as it is, with two exceptions, both percent-encoded: what no statistic can
//! carry (anything but printable ASCII, and `%` itself), and, outside of the resource path, the
//! dot that ends a value. The resource path needs no such care: it runs to the last dot of the
//! name, and no [`Measure`] has one. So every name can be read back, and no two are the same.
//!
//! Nothing of a request ever stands in a name: API, stage, method and resource are the
//! configuration's own.

use attache_model::Verb;

/// What is measured, under AWS's name (`AWS/ApiGateway` metrics of REST APIs) where AWS measures it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Requests.
    Count,
    /// Answers from 400 to 499.
    ClientError,
    /// Answers from 500 to 599.
    ServerError,
    /// From the request's arrival to the answer's departure; a histogram of milliseconds.
    Latency,
    /// From the request's departure to the back end to the arrival of its answer; a histogram of
    /// milliseconds.
    IntegrationLatency,
    /// Requests answered from the stage's cache.
    CacheHit,
    /// Those of them whose response another gateway has fetched. Not one of AWS's.
    SharedCacheHit,
    /// Requests that the back end answered although the method has a cache.
    CacheMiss,
    /// The bytes that the stage's cache holds; a gauge. Not one of AWS's.
    CacheBytes,
    /// The responses that the stage's cache holds; a gauge. Not one of AWS's.
    CacheEntries,
    /// Responses that had to make room in the stage's cache. Not one of AWS's.
    CacheEviction,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Count,
        Self::ClientError,
        Self::ServerError,
        Self::Latency,
        Self::IntegrationLatency,
        Self::CacheHit,
        Self::SharedCacheHit,
        Self::CacheMiss,
        Self::CacheBytes,
        Self::CacheEntries,
        Self::CacheEviction,
    ];

    /// AWS's name. Holds no dot.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::ClientError => "4XXError",
            Self::ServerError => "5XXError",
            Self::Latency => "Latency",
            Self::IntegrationLatency => "IntegrationLatency",
            Self::CacheHit => "CacheHitCount",
            Self::SharedCacheHit => "SharedCacheHitCount",
            Self::CacheMiss => "CacheMissCount",
            Self::CacheBytes => "CacheBytes",
            Self::CacheEntries => "CacheEntries",
            Self::CacheEviction => "CacheEvictionCount",
        }
    }
}

/// What is measured of the Redis that gateways share. None of it is AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RedisMeasure {
    /// Calls that have ended, one way or another.
    CallCount,
    /// Those of them that Redis did not answer, or answered with an error.
    ErrorCount,
    /// 1 while Redis is asked, 0 while it is left alone because it does not answer; a gauge.
    Available,
}

impl RedisMeasure {
    /// Its name. Holds no dot.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallCount => "CallCount",
            Self::ErrorCount => "ErrorCount",
            Self::Available => "Available",
        }
    }
}

/// The name of a statistic of the Redis that gateways share. It has no labels.
#[must_use]
pub fn redis(measure: RedisMeasure) -> String {
    format!("attache.redis.{}", measure.as_str())
}

/// The name of a statistic of a whole stage.
#[must_use]
pub fn stage(api: &str, stage: &str, measure: Measure) -> String {
    let mut name = String::from("attache.api.");
    push_value(&mut name, api, Dot::Encoded);
    name.push_str(".stage.");
    push_value(&mut name, stage, Dot::Encoded);
    name.push('.');
    name.push_str(measure.as_str());
    name
}

/// The name of a statistic of one method of one resource.
#[must_use]
pub fn method(api: &str, stage: &str, method: Verb, resource: &str, measure: Measure) -> String {
    let mut name = String::from("attache.api.");
    push_value(&mut name, api, Dot::Encoded);
    name.push_str(".stage.");
    push_value(&mut name, stage, Dot::Encoded);
    name.push_str(".method.");
    name.push_str(method.as_str());
    name.push_str(".resource.");
    push_value(&mut name, resource, Dot::Plain);
    name.push('.');
    name.push_str(measure.as_str());
    name
}

/// A label, and the rule by which the proxy takes it out of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label's name.
    pub name: &'static str,
    /// An ECMAScript expression over the whole name, which starts with `{prefix}attache.`. The
    /// first group is what is cut out of the name; the second is the label's value.
    pub expression: &'static str,
}

/// The labels of the names that [`stage`] and [`method`] make, for a proxy that puts
/// `wasmcustom.` in front of a filter's statistics, as Envoy does.
pub const LABELS: [Label; 4] = [
    Label {
        name: "api",
        expression: r"^wasmcustom\.attache(\.api\.([^.]+))\.stage\.",
    },
    Label {
        name: "stage",
        expression: r"^wasmcustom\.attache\.api\.[^.]+(\.stage\.([^.]+))\.",
    },
    Label {
        name: "method",
        expression: r"^wasmcustom\.attache\.api\.[^.]+\.stage\.[^.]+(\.method\.([^.]+))\.resource\.",
    },
    Label {
        name: "resource",
        expression: r"^wasmcustom\.attache\.api\.[^.]+\.stage\.[^.]+\.method\.[^.]+(\.resource\.(.+))\.[^.]+$",
    },
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dot {
    Encoded,
    Plain,
}

fn push_value(name: &mut String, value: &str, dot: Dot) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        let plain = match byte {
            b'%' => false,
            b'.' => dot == Dot::Plain,
            other => other.is_ascii_graphic(),
        };
        if plain {
            name.push(char::from(byte));
        } else {
            name.push('%');
            for nibble in [byte >> 4, byte & 0x0f] {
                name.push(
                    HEX.get(usize::from(nibble))
                        .copied()
                        .map_or('0', char::from),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
