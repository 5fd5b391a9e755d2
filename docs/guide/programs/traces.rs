//! The page `traces.md`: one trace across processes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use rpc_core::{Around, Server, rpc};
use rpc_trace::{ClientSpans, ServerSpans, TraceContext};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

#[rpc]
trait Stock {
    fn take(&self, item: &str) -> u32;
}

struct Shelf;

impl Stock for Shelf {
    fn take(&self, _: &str) -> u32 {
        1
    }
}

#[rpc]
trait Shop {
    fn order(&self, item: &str) -> Result<u32, String>;
}

struct Counter {
    shelf: StockClient,
}

impl Shop for Counter {
    fn order(&self, item: &str) -> Result<u32, String> {
        self.shelf.take(item).map_err(|error| error.to_string())
    }
}

/// Prints a line for each span that ends.
#[derive(Clone, Default)]
struct Printer(Arc<Mutex<String>>);

/// The fields of a span.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Printer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == rpc_trace::TARGET
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).expect("it was just made").extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("it is open");
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("it is about to end");
        let fields = span.extensions_mut().remove::<Fields>().unwrap_or_default();
        let field = |name: &str| fields.0.get(name).map(String::as_str).unwrap_or("-");
        let id = |name: &str| field(name).chars().take(8).collect::<String>();
        let end = if span.name() == "rpc.client" { field("verdict") } else { field("status") };
        let (name, method) = (span.name(), field("otel.name"));
        let line =
            format!("{name} {method} {} {} {} {end}\n", id("trace_id"), id("span_id"), id("parent_id"));
        print!("{line}");
        self.0.lock().expect("no panic").push_str(&line);
    }
}

/// Returns a table with a number for each identity, in the order in which they come.
fn numbered(table: &str) -> String {
    let mut known = HashMap::new();
    let mut number = |word: &str| {
        if word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let next = known.len();
            return format!("#{}", known.entry(word.to_owned()).or_insert(next));
        }
        word.to_owned()
    };
    let mut line = |line: &str| line.split(' ').map(&mut number).collect::<Vec<_>>().join(" ");
    table.lines().map(|words| line(words) + "\n").collect()
}

#[test]
fn an_order_has_one_trace_across_three_processes() -> Result<(), Box<dyn std::error::Error>> {
    let printer = Printer::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(printer.clone()))?;

    let stock = Around::new(StockServer::new(Shelf), ServerSpans::new());
    let stock = Server::builder().service(stock).bind("127.0.0.1:0")?.spawn()?;

    let shelf = StockClient::connect(stock.local_addr())?.call.around(ClientSpans::new());
    let shop = Around::new(ShopServer::new(Counter { shelf }), ServerSpans::new());
    let shop = Server::builder().service(shop).bind("127.0.0.1:0")?.spawn()?;

    let shop = ShopClient::connect(shop.local_addr())?.call.around(ClientSpans::new());
    let request = TraceContext::root();
    request.in_scope(|| shop.order("tea"))?;

    let printed = printer.0.lock().expect("no panic").clone();
    let page = include_str!("../traces.md");
    let table = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a table");
    let (_, shown) = table.split_once('\n').expect("a first line");
    assert_eq!(numbered(&printed), numbered(shown), "the page shows what is printed");
    let last = printed.lines().last().and_then(|line| line.split(' ').nth(4)).expect("a parent");
    assert!(format!("{:016x}", request.span_id()).starts_with(last), "{printed}");
    shop.call.close();
    Ok(())
}
