//! A query held to its route's line in the table: every parameter known, given once, and of its kind; what is missing is said
//! by name. Makes no value of it: handlers read what has passed here.

use actix_web::web::Query;

use crate::limits::NAME_BYTES_MAX;
use crate::number::strict;
use crate::problem::{Outcome, Problem};
use crate::routes::{Parameter, Route, Values};

/// Refuses the query of a request that is not what its route takes.
pub(crate) fn check(route: &Route, text: &str) -> Outcome<()> {
    let mut seen: Vec<&str> = Vec::new();
    // One after the other: what comes behind the first that is wrong is not taken apart.
    for part in text.split('&') {
        let pair =
            Query::<Vec<(String, String)>>::from_query(part).map_err(|_| Problem::query())?.into_inner();
        let Some((name, value)) = pair.first() else { continue };
        let known = route.query.iter().find(|known| known.name == name);
        let known = known.ok_or_else(|| unknown(route, name))?;
        if seen.contains(&known.name) {
            return Err(Problem::parameter_misplaced(known.name, "it is given twice; give it once"));
        }
        seen.push(known.name);
        of_its_kind(known, value)?;
    }
    match route.query.iter().find(|known| known.is_required && !seen.contains(&known.name)) {
        Some(missing) => Err(Problem::parameter(missing.name, format!("it is missing: {}", missing.text))),
        None => Ok(()),
    }
}

fn unknown(route: &Route, name: &str) -> Problem {
    let known: Vec<&str> = route.query.iter().map(|known| known.name).collect();
    let detail = match known.as_slice() {
        [] => "this route takes no parameters; leave it out".to_owned(),
        known => format!("this route takes no such parameter; it takes {}", known.join(", ")),
    };
    // Shown as far as any that there is: it is the sender's text.
    Problem::parameter_misplaced(name.chars().take(NAME_BYTES_MAX).collect::<String>(), detail)
}

/// What is a name or of a form is read where its meaning is known.
fn of_its_kind(known: &Parameter, value: &str) -> Outcome<()> {
    match known.kind {
        Values::Number(least, most) => {
            let detail = || {
                format!("a whole number from {least} to {most}, in digits without sign or zeros before it")
            };
            let is_within = strict::<u64>(value).is_some_and(|number| (least..=most).contains(&number));
            is_within.then_some(()).ok_or_else(|| Problem::parameter(known.name, detail()))
        }
        Values::OneOf(values) => {
            let detail = || format!("one of {}", values.join(", "));
            values.contains(&value).then_some(()).ok_or_else(|| Problem::parameter(known.name, detail()))
        }
        Values::Text | Values::Like(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Place;
    use crate::routes::{Method, ROUTES};

    fn found(path: &str, text: &str) -> Option<(u16, &'static str, Place)> {
        let mut routes = ROUTES.iter().filter(|route| route.method == Method::Get && route.path == path);
        let problem = check(routes.next().expect("a route"), text).err()?;
        Some((problem.status, problem.kind, problem.place.clone().expect("a place")))
    }

    #[test]
    fn a_query_is_what_the_table_says() {
        let at = |name: &str| Place::Parameter(name.to_owned());
        let rows = [
            ("/v1/accounts", "", None),
            ("/v1/accounts", "limit=7&cursor=%31", None),
            ("/v1/accounts", "after=zzz", Some((400, "malformed_query", at("after")))),
            ("/v1/accounts", "limit=1&limit=1", Some((400, "malformed_query", at("limit")))),
            ("/v1/accounts", "limit=0", Some((422, "invalid_field", at("limit")))),
            ("/v1/accounts", "limit=zzz", Some((422, "invalid_field", at("limit")))),
            ("/v1/accounts", "limit=%2B1", Some((422, "invalid_field", at("limit")))),
            ("/v1/accounts", "limit=", Some((422, "invalid_field", at("limit")))),
            ("/v1/accounts", "limit=99999999999999999999", Some((422, "invalid_field", at("limit")))),
            ("/v1/events", "after=zzz", Some((422, "invalid_field", at("after")))),
            ("/v1/proofs/balance", "block=1", Some((422, "invalid_field", at("account")))),
            ("/v1/proofs/balance", "account=1&format=xml", Some((422, "invalid_field", at("format")))),
            ("/v1/transfers/{uetr}", "x=1", Some((400, "malformed_query", at("x")))),
        ];
        for (path, text, expected) in rows {
            assert_eq!(found(path, text), expected, "{path}?{text}");
        }
    }
}
