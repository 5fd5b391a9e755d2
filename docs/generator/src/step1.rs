//! Step 1: prints the client's method for one remote method, from names. It is text, and nothing but text.

/// Returns a method of the client: it packs the arguments into a tuple, sends them, and says how the reply is read.
///
/// ```
/// use rpc_generator::step1::client_method;
///
/// let text = client_method("add", &[("x", "i64"), ("y", "i64")], "i64");
/// assert!(text.contains("call::<i64, stub::Never>(&METHODS[ADD], &(x, y))"));
/// ```
pub fn client_method(name: &str, arguments: &[(&str, &str)], value: &str) -> String {
    let parameters: String = arguments.iter().map(|(name, ty)| format!(", {name}: {ty}")).collect();
    let names: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
    let (tuple, index) = (tuple(&names), name.to_uppercase());
    format!(
        "pub fn {name}(&self{parameters}) -> stub::Result<{value}, stub::CallError> {{\n    \
             self.call.caller().call::<{value}, stub::Never>(&METHODS[{index}], &{tuple})\n\
         }}\n"
    )
}

/// Returns a tuple as Rust wants it: one part has a comma behind it, since `(x)` is only `x` in parentheses.
fn tuple(names: &[&str]) -> String {
    match names {
        [one] => format!("({one},)"),
        names => format!("({})", names.join(", ")),
    }
}
