//! The descriptions of a server: complete, and bounded.

use super::*;
use crate::service::HealthState;

static SMALL: Method =
    Method::new("Shop.buy", "fn buy(item: &str, prices: &[(u32, f64)], by: fn() -> u8) -> bool")
        .docs("Buys an item.")
        .deadline_ms(250)
        .types(|| trace::<(&str, Vec<(u32, f64)>, u8), bool, ()>(false));
static MANY: [Method; 3] = [
    SMALL,
    Method::new("Shop.sell", "fn sell(item: &str)").types(|| trace::<(&str,), (), ()>(false)),
    Method::new("Shop.by_hand", "fn by_hand()").slow(),
];
static TYPES_OF_SHOP: TypesOf = TypesOf::new("Shop", &MANY);
static SHOP: Contract = Contract::new("Shop", &MANY).with_types(|| TYPES_OF_SHOP.get()).docs("A shop.");

fn reflection(max_frame: usize) -> Reflection {
    let limits = ServerLimits { max_frame, ..ServerLimits::default() };
    let health = Health::new();
    health.set(HealthState::Serving);
    Reflection::new(vec![&SHOP], limits, Some(health))
}

#[test]
fn a_server_describes_its_services_its_limits_and_its_health() {
    let server = reflection(4096).server();
    let names: Vec<_> =
        server.services.iter().map(|service| (service.name.as_str(), service.methods)).collect();
    assert_eq!(names, [("Shop", 3), ("ServerReflection", 3)]);
    assert_eq!(
        (server.services[0].contract, server.services[0].fingerprint),
        (SHOP.hash, TYPES_OF_SHOP.get().fingerprint)
    );
    assert_eq!(server.health, Some(HealthState::Serving));
    assert!(server.limits.contains(&("max_frame".to_owned(), LimitValue::Number(4096))));
    assert!(server.limits.contains(&("lease".to_owned(), LimitValue::Microseconds(60_000_000))));
    assert!(server.limits.contains(&("sessions_per_source".to_owned(), LimitValue::Unset)));
    assert!(server.version.starts_with("rpc-core "), "{}", server.version);
}

#[test]
fn a_method_is_described_with_its_policies_its_arguments_and_its_formats() {
    let shop = reflection(1 << 20).service("Shop", 0).expect("it is there");
    assert_eq!((shop.docs.as_str(), shop.next), ("A shop.", None));
    let [buy, _, by_hand] = shop.methods.as_slice() else { panic!("{shop:?}") };
    assert_eq!(
        (buy.name.as_str(), buy.short_name(), buy.docs.as_str()),
        ("Shop.buy", "buy", "Buys an item.")
    );
    assert_eq!((buy.deadline_millis, buy.idempotent, buy.id), (Some(250), false, SMALL.id.0));
    let arguments: Vec<_> = buy.arguments().iter().map(|argument| (argument.name, argument.ty)).collect();
    assert_eq!(arguments, [("item", "&str"), ("prices", "&[(u32, f64)]"), ("by", "fn() -> u8")]);
    assert_eq!(buy.formats().expect("traced").to_string(), "fn(str, [(u32, f64)], u8) -> bool");
    assert!(by_hand.slow && by_hand.formats().is_err_and(|why| why.contains("by hand")));
    assert!(by_hand.arguments().is_empty());
}

#[test]
fn a_service_that_is_larger_than_a_reply_is_described_in_parts() {
    let reflection = reflection(1024);
    let (mut from, mut seen, mut parts) = (0, Vec::new(), 0);
    loop {
        let part = reflection.service("Shop", from).expect("it is there");
        assert!(bytes_of(&part) <= 1024, "{part:?}");
        seen.extend(part.methods.into_iter().map(|method| method.name));
        parts += 1;
        let Some(next) = part.next else { break };
        from = next;
    }
    assert_eq!(seen, ["Shop.buy", "Shop.sell", "Shop.by_hand"]);
    assert!(parts > 1, "{parts} parts");
}

#[test]
fn a_method_that_is_larger_than_a_reply_is_described_without_its_formats() {
    let mut method = describe(&SHOP, &SMALL);
    method.types = TypesDescription::Known("x".repeat(5000));
    method.docs = "é".repeat(5000);
    method.fit(800);
    assert!(method.room() <= 800 && !method.docs.is_empty(), "{method:?}");
    assert!(method.formats().is_err_and(|why| why.contains("5000 bytes")));
    assert_eq!(method.signature, SMALL.signature);
}

#[test]
fn a_service_that_is_not_there_has_no_description_and_a_part_beyond_the_end_is_empty() {
    let reflection = reflection(4096);
    assert_eq!(reflection.service("Kv", 0), None);
    let beyond = reflection.service("Shop", 9).expect("it is there");
    assert!(beyond.methods.is_empty() && beyond.next.is_none());
}

#[test]
fn the_types_of_the_descriptions_themselves_are_known() {
    assert_eq!(CONTRACT.untraced(), []);
    assert_eq!(CONTRACT.unsendable(), None);
    let whole = reflection(1 << 20).service("ServerReflection", 0).expect("it describes itself");
    assert!(whole.methods.iter().all(|method| method.formats().is_ok()), "{whole:?}");
}

fn bytes_of(part: &ServiceDescription) -> usize {
    let mut bytes = Vec::new();
    crate::wire::codec::encode(&Some(part), &mut bytes, 1 << 20).expect("it can be sent");
    bytes.len()
}
