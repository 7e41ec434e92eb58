//! Reads one ISO 20022 XSD into plain types: the subset of XML Schema that these schemas use.
//!
//! Sequences and choices of elements (a choice may stand inside a sequence), one `any`, simple content with
//! one required attribute, and restrictions of built-in types. Anything else is an error, never skipped.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const ISO_PREFIX: &str = "urn:iso:std:iso:20022:tech:xsd:";

/// One message's schema.
#[derive(Debug)]
pub(crate) struct Schema {
    /// `pacs.008.001.08`.
    pub(crate) message: String,
    /// The global element (`Document` or `AppHdr`) and its type.
    pub(crate) root: (String, String),
    pub(crate) complex: BTreeMap<String, Complex>,
    pub(crate) simple: BTreeMap<String, Simple>,
}

#[derive(Debug)]
pub(crate) enum Complex {
    /// Child elements in order; those of one choice share a group.
    Elements(Vec<Element>),
    /// Text of a simple type with one required attribute.
    Valued { base: String, attribute: String, attribute_type: String },
    /// One element of any kind; from the XML signature namespace alone where `signature`.
    Any { signature: bool },
}

#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) min: u8,
    /// 255 is unbounded.
    pub(crate) max: u8,
    pub(crate) group: u16,
}

/// A restriction of a built-in type.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Simple {
    pub(crate) base: String,
    pub(crate) min_length: u32,
    pub(crate) max_length: Option<u32>,
    pub(crate) total_digits: Option<u8>,
    pub(crate) fraction_digits: Option<u8>,
    pub(crate) min_inclusive: Option<u8>,
    pub(crate) patterns: Vec<String>,
    pub(crate) values: Vec<String>,
}

struct Node {
    tag: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Node>,
}

impl Node {
    fn attribute(&self, name: &str) -> Result<&str, String> {
        let found = self.attributes.get(name).map(String::as_str);
        found.ok_or_else(|| format!("<{}> lacks the attribute {name}", self.tag))
    }

    fn only_child(&self) -> Result<&Node, String> {
        match self.children.as_slice() {
            [child] => Ok(child),
            _ => Err(format!("<{}> should hold one element", self.tag)),
        }
    }

    fn unexpected<T>(&self) -> Result<T, String> {
        Err(format!("<{}> is not supported here", self.tag))
    }
}

pub(crate) fn parse(text: &str) -> Result<Schema, String> {
    let root = tree(text)?;
    let namespace = root.attribute("targetNamespace")?;
    let message = namespace.strip_prefix(ISO_PREFIX).ok_or("the namespace is not one of ISO 20022")?;
    let mut schema = Schema {
        message: message.to_owned(),
        root: (String::new(), String::new()),
        complex: BTreeMap::new(),
        simple: BTreeMap::new(),
    };
    for node in &root.children {
        let name = node.attribute("name")?.to_owned();
        match node.tag.as_str() {
            "element" if schema.root.0.is_empty() => schema.root = (name, node.attribute("type")?.to_owned()),
            "complexType" => drop(schema.complex.insert(name, complex(node)?)),
            "simpleType" => drop(schema.simple.insert(name, simple(node)?)),
            _ => return node.unexpected(),
        }
    }
    Ok(schema)
}

fn complex(node: &Node) -> Result<Complex, String> {
    let body = node.only_child()?;
    match body.tag.as_str() {
        "simpleContent" => valued(body.only_child()?),
        "sequence" if body.children.iter().any(|child| child.tag == "any") => any(body.only_child()?),
        "sequence" | "choice" => Ok(Complex::Elements(elements(body)?)),
        _ => body.unexpected(),
    }
}

fn valued(extension: &Node) -> Result<Complex, String> {
    let attribute = extension.only_child()?;
    if attribute.tag != "attribute" || attribute.attribute("use")? != "required" {
        return attribute.unexpected();
    }
    Ok(Complex::Valued {
        base: extension.attribute("base")?.to_owned(),
        attribute: attribute.attribute("name")?.to_owned(),
        attribute_type: attribute.attribute("type")?.to_owned(),
    })
}

fn any(node: &Node) -> Result<Complex, String> {
    // What is skipped and what is checked only where its schema is known are read alike: well formed and bounded.
    let is_open = ["lax", "skip"].contains(&node.attribute("processContents")?);
    if !is_open || node.attributes.contains_key("maxOccurs") {
        return node.unexpected();
    }
    match node.attribute("namespace")? {
        "##any" => Ok(Complex::Any { signature: false }),
        "http://www.w3.org/2000/09/xmldsig#" => Ok(Complex::Any { signature: true }),
        other => Err(format!("any of {other} is not supported")),
    }
}

fn elements(body: &Node) -> Result<Vec<Element>, String> {
    let is_choice = body.tag == "choice";
    let mut elements = Vec::new();
    let mut group = 0;
    for child in &body.children {
        match child.tag.as_str() {
            "element" => elements.push(element(child, group)?),
            "choice" if !is_choice && child.attributes.is_empty() => {
                for option in &child.children {
                    elements.push(element(option, group)?);
                }
            }
            _ => return child.unexpected(),
        }
        group += u16::from(!is_choice);
    }
    Ok(elements)
}

fn element(node: &Node, group: u16) -> Result<Element, String> {
    if node.tag != "element" {
        return node.unexpected();
    }
    let occurs = |name: &str| match node.attributes.get(name).map(String::as_str) {
        None => Ok(1),
        Some("unbounded") => Ok(u8::MAX),
        Some(number) => number.parse::<u8>().map_err(|_| format!("{name}={number} is not supported")),
    };
    Ok(Element {
        name: node.attribute("name")?.to_owned(),
        kind: node.attribute("type")?.to_owned(),
        min: occurs("minOccurs")?,
        max: occurs("maxOccurs")?,
        group,
    })
}

fn simple(node: &Node) -> Result<Simple, String> {
    let restriction = node.only_child()?;
    let base = restriction.attribute("base")?;
    let base = base.strip_prefix("xs:").ok_or_else(|| format!("base {base} is not built in"))?;
    let mut simple = Simple { base: base.to_owned(), ..Simple::default() };
    for facet in &restriction.children {
        let value = facet.attribute("value")?;
        let digits = || value.parse::<u8>().map_err(|_| format!("{}={value} is too large", facet.tag));
        let length = || value.parse::<u32>().map_err(|_| format!("{}={value} is too large", facet.tag));
        match facet.tag.as_str() {
            "minLength" => simple.min_length = length()?,
            "maxLength" => simple.max_length = Some(length()?),
            "length" => (simple.min_length, simple.max_length) = (length()?, Some(length()?)),
            "totalDigits" => simple.total_digits = Some(digits()?),
            "fractionDigits" => simple.fraction_digits = Some(digits()?),
            "minInclusive" => simple.min_inclusive = Some(digits()?),
            "pattern" => simple.patterns.push(value.to_owned()),
            "enumeration" => simple.values.push(value.to_owned()),
            _ => return facet.unexpected(),
        }
    }
    simple.values.sort();
    Ok(simple)
}

fn tree(text: &str) -> Result<Node, String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Node> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let closed = match event {
            Event::Start(start) => {
                open.push(node(&start)?);
                continue;
            }
            Event::Empty(start) => node(&start)?,
            Event::End(_) => open.pop().ok_or("an end tag closes nothing")?,
            Event::Eof => return Err("the schema ends early".to_owned()),
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) if closed.tag != "annotation" => parent.children.push(closed),
            Some(_) => {}
            None => return Ok(closed),
        }
    }
}

fn node(start: &BytesStart<'_>) -> Result<Node, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string());
    let mut attributes = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = text(&attribute.value)?;
        if value.contains('&') {
            return Err(format!("the value {value} holds a reference"));
        }
        attributes.insert(text(attribute.key.as_ref())?, value);
    }
    Ok(Node { tag: text(start.local_name().as_ref())?, attributes, children: Vec::new() })
}
