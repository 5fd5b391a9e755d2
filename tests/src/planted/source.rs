//! The functions of the sources by module, type and name, so that a planted fault names no file and no line.

use std::ops::Range;
use std::path::Path;

/// A function with a body.
#[derive(Debug)]
pub struct Function {
    /// The index of its file.
    pub file: usize,
    /// Modules, then its type if it has one.
    path: Vec<String>,
    /// Returns true in a method: the last word of `path` is a type.
    method: bool,
    /// The trait of the block that it is in, if it is a trait's.
    of_trait: Option<String>,
    name: String,
    /// Its body, braces included.
    pub body: Range<usize>,
    /// The reason for which its body cannot be chosen at run time, if there is one.
    pub fixed: Option<&'static str>,
}

impl Function {
    /// The name under which a fault may call it.
    pub fn name(&self) -> String {
        match (self.path.last().filter(|_| self.method), &self.of_trait) {
            (Some(owner), Some(of_trait)) => format!("<{owner} as {of_trait}>::{}", self.name),
            (Some(owner), None) => format!("{owner}::{}", self.name),
            (None, _) => {
                self.path.last().map_or(self.name.clone(), |module| format!("{module}::{}", self.name))
            }
        }
    }
}

/// A file of the sources.
#[derive(Debug)]
pub struct File {
    /// Its path from the root of the workspace, with slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The sources that faults may be planted in.
#[derive(Debug, Default)]
pub struct Sources {
    /// All files.
    pub files: Vec<File>,
    /// All functions outside of tests.
    pub functions: Vec<Function>,
}

/// The crate that faults are planted in.
const CRATE: &str = "rpc-core/src";

impl Sources {
    /// Reads the sources of a workspace.
    ///
    /// # Errors
    /// A file that cannot be read, or is no Rust.
    pub fn read(root: &Path) -> Result<Self, String> {
        let mut sources = Sources::default();
        sources.read_folder(&root.join(CRATE), CRATE)?;
        Ok(sources)
    }

    fn read_folder(&mut self, folder: &Path, name: &str) -> Result<(), String> {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("{name}: {error}"))?;
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = format!("{name}/{}", entry.file_name().to_string_lossy());
            if path.ends_with("/tests") || path.ends_with("/tests.rs") {
                continue; // faults are planted in what is tested
            }
            if entry.path().is_dir() {
                self.read_folder(&entry.path(), &path)?;
            } else if path.ends_with(".rs") {
                let text =
                    std::fs::read_to_string(entry.path()).map_err(|error| format!("{path}: {error}"))?;
                self.add(path, text)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, text: String) -> Result<(), String> {
        let parsed = syn::parse_file(&text).map_err(|error| format!("{path}: {error}"))?;
        let inside = path.strip_prefix(CRATE).unwrap_or(&path).trim_end_matches(".rs");
        let words = inside.split('/').filter(|word| !matches!(*word, "" | "mod" | "lib"));
        let modules = words.map(str::to_owned).collect();
        self.files.push(File { path, text });
        self.items(&parsed.items, &modules);
        Ok(())
    }

    /// Returns true if a function is in the layer of threads and sockets.
    pub fn is_in_net(&self, function: usize) -> bool {
        self.functions[function].path.first().is_some_and(|module| module == "net")
    }

    fn items(&mut self, items: &[syn::Item], modules: &Vec<String>) {
        for item in items {
            match item {
                syn::Item::Fn(item) if !for_tests(&item.attrs) => {
                    self.function(modules, None, None, &item.sig, &item.block);
                }
                syn::Item::Mod(item) if !for_tests(&item.attrs) => {
                    let inner = [modules.as_slice(), &[item.ident.to_string()]].concat();
                    self.items(item.content.as_ref().map_or(&[], |(_, items)| items), &inner);
                }
                syn::Item::Impl(item) if !for_tests(&item.attrs) => {
                    let of_trait = item.trait_.as_ref().and_then(|(path, _)| last_word(path));
                    let owner = type_name(&item.self_ty);
                    for part in &item.items {
                        if let syn::ImplItem::Fn(part) = part {
                            self.function(modules, Some(&owner), of_trait.as_deref(), &part.sig, &part.block);
                        }
                    }
                }
                syn::Item::Trait(item) if !for_tests(&item.attrs) => {
                    for part in &item.items {
                        if let syn::TraitItem::Fn(syn::TraitItemFn { sig, default: Some(block), .. }) = part {
                            self.function(modules, Some(&item.ident.to_string()), None, sig, block);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn function(
        &mut self,
        modules: &[String],
        owner: Option<&str>,
        of_trait: Option<&str>,
        sig: &syn::Signature,
        block: &syn::Block,
    ) {
        let impl_type = matches!(&sig.output, syn::ReturnType::Type(_, output) if matches!(**output, syn::Type::ImplTrait(_)));
        let braces = block.brace_token.span;
        let fixed = match (sig.constness.is_some(), impl_type) {
            (true, _) => Some("a `const fn` cannot ask which fault is switched on"),
            (_, true) => Some("each branch of a function that returns `impl Trait` has a type of its own"),
            _ => None,
        };
        self.functions.push(Function {
            file: self.files.len() - 1,
            path: modules.iter().map(String::as_str).chain(owner).map(str::to_owned).collect(),
            method: owner.is_some(),
            of_trait: of_trait.map(str::to_owned),
            name: sig.ident.to_string(),
            body: braces.open().byte_range().start..braces.close().byte_range().end,
            fixed,
        });
    }

    /// Returns the index of the one function of this name.
    ///
    /// # Errors
    /// The functions of that name, if there is none or more than one.
    pub fn find(&self, name: &str) -> Result<usize, String> {
        let (path, of_trait) = match name.strip_prefix('<').and_then(|rest| rest.split_once(">::")) {
            Some((types, function)) => {
                let Some((owner, of_trait)) = types.split_once(" as ") else {
                    return Err(format!("`{name}` is no `<Type as Trait>::name`"));
                };
                (format!("{owner}::{function}"), Some(of_trait))
            }
            None => (name.to_owned(), None),
        };
        let mut words: Vec<&str> = path.split("::").collect();
        let last = words.pop().unwrap_or_default();
        let of_name = self.functions.iter().enumerate().filter(|(_, function)| function.name == last);
        let (mut found, mut others) = (Vec::new(), Vec::new());
        for (index, function) in of_name {
            let fits = of_trait.is_none() || of_trait == function.of_trait.as_deref();
            if fits && leads_to(&words, function) { found.push(index) } else { others.push(index) }
        }
        let full = |index: &usize| {
            let function = &self.functions[*index];
            format!("{}::{} ({})", function.path.join("::"), function.name, self.files[function.file].path)
        };
        match found[..] {
            [index] => Ok(index),
            [] => {
                let others: Vec<String> = others.iter().map(full).collect();
                let near = if others.is_empty() {
                    "no function has that name".to_owned()
                } else {
                    others.join(", ")
                };
                Err(format!("there is no function `{name}`; nearest: {near}"))
            }
            _ => {
                let all: Vec<String> = found.iter().map(full).collect();
                Err(format!("`{name}` is not one function but {}: put a module in front", all.join(", ")))
            }
        }
    }
}

/// Returns true if the words are modules on the way to a function, and the last one is its type, or its module.
fn leads_to(words: &[&str], function: &Function) -> bool {
    let mut way = function.path.iter();
    let in_order = words.iter().all(|word| way.any(|step| step == word));
    let owner = function.path.last().filter(|_| function.method);
    in_order && owner.is_none_or(|owner| words.last() == Some(&owner.as_str()))
}

fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let test = |list: &syn::MetaList| list.path.is_ident("cfg") && list.tokens.to_string() == "test";
        attribute.path().is_ident("test") || attribute.meta.require_list().is_ok_and(test)
    })
}

fn last_word(path: &syn::Path) -> Option<String> {
    path.segments.last().map(|segment| segment.ident.to_string())
}

fn type_name(of: &syn::Type) -> String {
    match of {
        syn::Type::Path(path) => last_word(&path.path).unwrap_or_default(),
        syn::Type::Reference(reference) => type_name(&reference.elem),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Sources;

    fn sources(files: &[(&str, &str)]) -> Sources {
        let mut sources = Sources::default();
        for (path, text) in files {
            sources.add(format!("rpc-core/src/{path}"), (*text).to_owned()).expect("well formed");
        }
        sources
    }

    const CODE: &str = "impl State { fn go(&self) { 1 } }\nimpl Drop for State { fn drop(&mut self) { 2 } }\n\
                        fn free() { 3 }\n#[cfg(test)]\nmod tests { fn free() { 4 } }";

    #[test]
    fn a_function_is_found_by_its_type_wherever_its_file_is() {
        for path in ["net/state.rs", "proto/mod.rs", "lib.rs"] {
            let sources = sources(&[(path, CODE)]);
            for (name, body) in
                [("State::go", "{ 1 }"), ("<State as Drop>::drop", "{ 2 }"), ("free", "{ 3 }")]
            {
                let function = &sources.functions[sources.find(name).expect(name)];
                assert_eq!(&sources.files[0].text[function.body.clone()], body);
            }
        }
    }

    #[test]
    fn two_of_one_name_are_told_apart_by_a_module() {
        let sources = sources(&[("client/state.rs", CODE), ("server/mod.rs", CODE)]);
        assert!(sources.find("State::go").expect_err("two").contains("put a module in front"));
        assert_eq!(sources.find("client::State::go"), Ok(0));
        assert_eq!(sources.find("server::free"), Ok(5));
        assert!(sources.find("Stale::go").expect_err("none").contains("client::state::State::go"));
    }
}
