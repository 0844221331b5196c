//! Usage as CloudEvents, which billing systems take: OpenMeter as it is, others through a line of
//! their own.
//!
//! There is one event for each key, plan and day on which something happened. Its id is made of the
//! three, and only days that are over are told, so that whoever is sent an event twice can see that
//! it is the same.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::request::PlanUsage;

/// What the events are of.
const TYPE: &str = "attache.usage";

pub(super) fn of(usage: &[PlanUsage], source: &str, today: Date) -> Vec<Json> {
    let mut events = Vec::new();
    for PlanUsage { plan, keys, .. } in usage {
        for (key, days) in keys {
            let over = days.iter().filter(|day| day.date < today);
            for day in over.filter(|day| day.used + day.throttled + day.refused > 0) {
                let date = day.date;
                events.push(json!({
                    "specversion": "1.0",
                    "id": format!("{plan}/{key}/{date}"),
                    "source": source,
                    "type": TYPE,
                    "subject": key,
                    "time": format!("{date}T23:59:59Z"),
                    "datacontenttype": "application/json",
                    "data": {
                        "usagePlan": plan, "apiKey": key, "date": date.to_string(),
                        "used": day.used, "throttled": day.throttled, "refused": day.refused,
                    },
                }));
            }
        }
    }
    events
}
