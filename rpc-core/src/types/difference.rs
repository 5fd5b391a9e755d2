//! The first difference between the formats of two programs, by its path.

use std::collections::HashSet;
use std::fmt::{self, Display};

use super::text::{names, put_format};
use super::{Definition, Fields, Format, Formats, Leaf, Shape, Variant};

/// The first difference between the formats of this program and those of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The place: `Job.priority`, `argument 2`, `the reply`.
    pub path: String,
    /// The format that this program has there.
    pub here: String,
    /// The format that the other program has there.
    pub there: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {} here, {} there", self.path, self.here, self.there)
    }
}

impl Formats {
    /// Returns the first difference to the formats of another program; `None` if they are the same but for the names of types, and
    /// for variants that one of them has behind those of both: such a variant is refused by its number, and no other is taken for it.
    pub fn difference(&self, other: &Formats) -> Option<Difference> {
        let mut comparison = Comparison {
            here: self,
            there: other,
            names: (names(self), names(other)),
            seen: HashSet::new(),
            path: String::new(),
        };
        comparison.methods().err()
    }
}

/// Ends in the first difference.
type Compared = Result<(), Difference>;

struct Comparison<'a> {
    here: &'a Formats,
    there: &'a Formats,
    names: (Vec<String>, Vec<String>),
    /// The pairs of types that were compared, or are being compared.
    seen: HashSet<(usize, usize)>,
    path: String,
}

impl Comparison<'_> {
    fn methods(&mut self) -> Compared {
        let (here, there) = (self.here, self.there);
        if here.arguments.len() != there.arguments.len() {
            return self.differs(
                "the arguments",
                here.arguments.len().to_string(),
                there.arguments.len().to_string(),
            );
        }
        for (index, (here, there)) in here.arguments.iter().zip(&there.arguments).enumerate() {
            self.path = format!("argument {}", index + 1);
            self.formats(here, there)?;
        }
        "the reply".clone_into(&mut self.path);
        self.formats(&here.value, &there.value)?;
        "the error".clone_into(&mut self.path);
        match (&here.error, &there.error) {
            (None, None) => Ok(()),
            (Some(here), Some(there)) => self.formats(here, there),
            (here, there) => {
                let name = |error: &Option<Format>| if error.is_some() { "one" } else { "none" }.to_owned();
                self.differs("the error", name(here), name(there))
            }
        }
    }

    fn differs(&self, path: &str, here: String, there: String) -> Compared {
        Err(Difference { path: path.to_owned(), here, there })
    }

    fn formats(&mut self, here: &Format, there: &Format) -> Compared {
        match (here, there) {
            (Format::Leaf(here), Format::Leaf(there)) if here == there => Ok(()),
            (Format::Option(here), Format::Option(there)) => self.below("?", here, there),
            (Format::Seq(here), Format::Seq(there)) => self.below("[]", here, there),
            (Format::Array(here, a), Format::Array(there, b)) if a == b => self.below("[]", here, there),
            (Format::Map(key, value), Format::Map(other_key, other_value)) => {
                self.below("{key}", key, other_key)?;
                self.below("{value}", value, other_value)
            }
            (Format::Tuple(here), Format::Tuple(there)) if here.len() == there.len() => {
                let mut pairs = here.iter().zip(there).enumerate();
                pairs.try_for_each(|(index, (here, there))| self.below(&format!(".{index}"), here, there))
            }
            (Format::Named(here), Format::Named(there)) => self.named(*here, *there),
            _ => self.other_formats(here, there),
        }
    }

    fn other_formats(&self, here: &Format, there: &Format) -> Compared {
        let written = |format: &Format, names: &[String]| {
            let mut text = String::new();
            let _ = put_format(&mut text, format, names); // a `String` takes all
            text
        };
        self.differs(&self.path, written(here, &self.names.0), written(there, &self.names.1))
    }

    fn below(&mut self, step: &str, here: &Format, there: &Format) -> Compared {
        let length = self.path.len();
        self.path.push_str(step);
        let compared = self.formats(here, there);
        self.path.truncate(length);
        compared
    }

    /// Compares two types with names. Paths in them begin with the name.
    fn named(&mut self, here: usize, there: usize) -> Compared {
        if !self.seen.insert((here, there)) {
            return Ok(()); // its difference, if it has one, is found where it was begun
        }
        let of = |formats: &Formats, index: usize| formats.definitions.get(index).cloned();
        let (Some(ours), Some(theirs)) = (of(self.here, here), of(self.there, there)) else {
            return self.other_formats(&Format::Named(here), &Format::Named(there));
        };
        let path = std::mem::replace(&mut self.path, ours.name.clone());
        let compared = self.shapes(&ours, &theirs);
        self.path = path;
        compared
    }

    fn shapes(&mut self, here: &Definition, there: &Definition) -> Compared {
        match (&here.shape, &there.shape) {
            (Shape::Same(here), Shape::Same(there)) => self.formats(here, there),
            (Shape::Struct(here), Shape::Struct(there)) => self.fields(here, there),
            (Shape::Enum(here), Shape::Enum(there)) => self.variants(here, there),
            (ours, theirs) => {
                let kind = |shape: &Shape, name: &str| match shape {
                    Shape::Same(_) => format!("the type `{name}`"),
                    Shape::Struct(_) => format!("the struct `{name}`"),
                    Shape::Enum(_) => format!("the enum `{name}`"),
                };
                self.differs(&self.path, kind(ours, &here.name), kind(theirs, &there.name))
            }
        }
    }

    fn fields(&mut self, here: &Fields, there: &Fields) -> Compared {
        let names = |fields: &Fields| {
            let named = fields.iter().enumerate();
            named
                .map(|(index, (name, _))| name.map_or_else(|| index.to_string(), str::to_owned))
                .collect::<Vec<_>>()
        };
        self.lists("fields", &names(here), &names(there))?;
        for (name, ((_, here), (_, there))) in names(here).iter().zip(here.iter().zip(there.iter())) {
            self.below(&format!(".{name}"), here, there)?;
        }
        Ok(())
    }

    fn variants(&mut self, here: &[Variant], there: &[Variant]) -> Compared {
        let names =
            |variants: &[Variant]| variants.iter().map(|variant| variant.name.clone()).collect::<Vec<_>>();
        let (ours, theirs) = (names(here), names(there));
        let both = ours.len().min(theirs.len());
        if ours[..both] != theirs[..both] {
            self.lists("variants", &ours, &theirs)?;
        }
        for (here, there) in here.iter().zip(there) {
            let length = self.path.len();
            self.path.push_str("::");
            self.path.push_str(&here.name);
            self.fields(&here.fields, &there.fields)?;
            self.path.truncate(length);
        }
        Ok(())
    }

    /// Compares the names of fields or variants, whose order is their place in the bytes.
    fn lists(&self, what: &str, here: &[String], there: &[String]) -> Compared {
        if here == there {
            return Ok(());
        }
        let list = |names: &[String]| match names {
            [] => format!("no {what}"),
            _ => format!("the {what} `{}`", names.join(", ")),
        };
        self.differs(&self.path, list(here), list(there))
    }
}

impl Format {
    /// Returns true if the format has no bytes.
    pub fn is_unit(&self) -> bool {
        matches!(self, Format::Leaf(Leaf::Unit))
    }
}
