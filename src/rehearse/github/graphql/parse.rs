//! Reads GraphQL documents: operations and fragments, with their fields and arguments.
use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a request asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    pub operations: Vec<Operation>,
    pub fragments: BTreeMap<String, Fragment>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// `query` or `mutation`.
    pub kind: String,
    pub name: Option<String>,
    pub variables: Vec<Variable>,
    pub selections: Vec<Selection>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    pub name: String,
    /// As it is written: `[ID!]!`.
    pub of: String,
    pub default: Option<Literal>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fragment {
    pub on: String,
    pub selections: Vec<Selection>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    Field(Field),
    Inline { on: Option<String>, selections: Vec<Selection> },
    Spread(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub alias: Option<String>,
    pub name: String,
    pub arguments: BTreeMap<String, Literal>,
    pub selections: Vec<Selection>,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Variable(String),
    Scalar(Value),
    /// A word that isn't in quotes.
    Enum(String),
    List(Vec<Literal>),
    Object(BTreeMap<String, Literal>),
}

impl Field {
    /// What it is called in the answer.
    pub fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

impl Literal {
    /// The value, with variables put in; those that aren't given are null.
    pub fn value(&self, variables: &Map<String, Value>) -> Value {
        match self {
            Literal::Variable(name) => variables.get(name).cloned().unwrap_or_default(),
            Literal::Scalar(value) => value.clone(),
            Literal::Enum(word) => Value::String(word.clone()),
            Literal::List(all) => all.iter().map(|it| it.value(variables)).collect(),
            Literal::Object(fields) => fields
                .iter()
                .map(|(name, field)| (name.clone(), field.value(variables)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

/// Reads a document; the error says where it stopped making sense.
///
/// # Errors
/// It isn't GraphQL, or uses directives or types of its own, which nobody here understands.
pub fn document(text: &str) -> Result<Document, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let mut document = Document::default();
    while let Some(token) = parser.peek() {
        match token {
            Token::Mark('{') => {
                let selections = parser.selections()?;
                let (kind, name, variables) = ("query".to_owned(), None, Vec::new());
                document.operations.push(Operation { kind, name, variables, selections });
            }
            Token::Name(word) if word == "query" || word == "mutation" => {
                document.operations.push(parser.operation()?);
            }
            Token::Name(word) if word == "fragment" => {
                parser.at += 1;
                let name = parser.name()?;
                parser.word("on")?;
                let on = parser.name()?;
                let selections = parser.selections()?;
                document.fragments.insert(name, Fragment { on, selections });
            }
            _ => return Err(parser.unexpected()),
        }
    }
    match document.operations.is_empty() {
        true => Err("A query attribute must be specified and must be a string.".to_owned()),
        false => Ok(document),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Mark(char),
    Spread,
    Scalar(Value),
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn operation(&mut self) -> Result<Operation, String> {
        let kind = self.name()?;
        let name = matches!(self.peek(), Some(Token::Name(_))).then(|| self.name()).transpose()?;
        let mut variables = Vec::new();
        if self.takes('(') {
            while !self.takes(')') {
                self.mark('$')?;
                let name = self.name()?;
                self.mark(':')?;
                let of = self.kind()?;
                let default = self.takes('=').then(|| self.literal()).transpose()?;
                variables.push(Variable { name, of, default });
            }
        }
        Ok(Operation { kind, name, variables, selections: self.selections()? })
    }

    fn kind(&mut self) -> Result<String, String> {
        let inner = if self.takes('[') {
            let inner = self.kind()?;
            self.mark(']')?;
            format!("[{inner}]")
        } else {
            self.name()?
        };
        Ok(if self.takes('!') { inner + "!" } else { inner })
    }

    fn selections(&mut self) -> Result<Vec<Selection>, String> {
        self.mark('{')?;
        let mut selections = Vec::new();
        while !self.takes('}') {
            selections.push(self.selection()?);
        }
        Ok(selections)
    }

    fn selection(&mut self) -> Result<Selection, String> {
        if self.peek() == Some(&Token::Spread) {
            self.at += 1;
            return match self.peek() {
                Some(Token::Mark('{')) => {
                    Ok(Selection::Inline { on: None, selections: self.selections()? })
                }
                Some(Token::Name(word)) if word == "on" => {
                    self.at += 1;
                    let on = Some(self.name()?);
                    Ok(Selection::Inline { on, selections: self.selections()? })
                }
                _ => Ok(Selection::Spread(self.name()?)),
            };
        }
        let first = self.name()?;
        let (alias, name) = match self.takes(':') {
            true => (Some(first), self.name()?),
            false => (None, first),
        };
        let mut arguments = BTreeMap::new();
        if self.takes('(') {
            while !self.takes(')') {
                let name = self.name()?;
                self.mark(':')?;
                arguments.insert(name, self.literal()?);
            }
        }
        let selections = match self.peek() {
            Some(Token::Mark('{')) => self.selections()?,
            _ => Vec::new(),
        };
        Ok(Selection::Field(Field { alias, name, arguments, selections }))
    }

    fn literal(&mut self) -> Result<Literal, String> {
        if self.takes('$') {
            return Ok(Literal::Variable(self.name()?));
        }
        if self.takes('[') {
            let mut all = Vec::new();
            while !self.takes(']') {
                all.push(self.literal()?);
            }
            return Ok(Literal::List(all));
        }
        if self.takes('{') {
            let mut fields = BTreeMap::new();
            while !self.takes('}') {
                let name = self.name()?;
                self.mark(':')?;
                fields.insert(name, self.literal()?);
            }
            return Ok(Literal::Object(fields));
        }
        if let Some(Token::Scalar(value)) = self.peek() {
            let value = value.clone();
            self.at += 1;
            return Ok(Literal::Scalar(value));
        }
        Ok(match self.name()?.as_str() {
            "true" => Literal::Scalar(true.into()),
            "false" => Literal::Scalar(false.into()),
            "null" => Literal::Scalar(Value::Null),
            word => Literal::Enum(word.to_owned()),
        })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn name(&mut self) -> Result<String, String> {
        let Some(Token::Name(name)) = self.peek() else { return Err(self.unexpected()) };
        let name = name.clone();
        self.at += 1;
        Ok(name)
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        if self.peek() != Some(&Token::Name(word.to_owned())) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    fn mark(&mut self, mark: char) -> Result<(), String> {
        if self.takes(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn takes(&mut self, mark: char) -> bool {
        let is_there = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(is_there);
        is_there
    }

    fn unexpected(&self) -> String {
        match self.peek() {
            Some(token) => format!("Parse error on {token:?} at token {}", self.at),
            None => "Unexpected end of document".to_owned(),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            ' ' | '\t' | '\n' | '\r' | ',' | '\u{feff}' => first.len_utf8(),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '.' if rest.starts_with("...") => {
                tokens.push(Token::Spread);
                3
            }
            '"' => {
                let (value, taken) = string(rest)?;
                tokens.push(Token::Scalar(Value::String(value)));
                taken
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '=' | '!' | '$' => {
                tokens.push(Token::Mark(first));
                1
            }
            '-' | '0'..='9' => {
                let end = rest[1..].find(|it: char| !(it.is_ascii_digit() || "+-.eE".contains(it)));
                let end = end.map_or(rest.len(), |end| end + 1);
                let number = serde_json::from_str(&rest[..end]);
                tokens.push(Token::Scalar(number.map_err(|_| format!("Bad number at {rest}"))?));
                end
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let end = rest.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
                let end = end.unwrap_or(rest.len());
                tokens.push(Token::Name(rest[..end].to_owned()));
                end
            }
            _ => return Err(format!("Parse error on \"{first}\"")),
        };
        rest = &rest[taken..];
    }
    Ok(tokens)
}

/// A string at the beginning of `text`, and how long it is there with its quotes.
fn string(text: &str) -> Result<(String, usize), String> {
    let open = || "Unterminated string".to_owned();
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let end = block.find("\"\"\"").ok_or_else(open)?;
        return Ok((block[..end].trim().to_owned(), end + 6));
    }
    let mut escaped = false;
    let end = text[1..].find(|it: char| {
        let ends = it == '"' && !escaped;
        escaped = it == '\\' && !escaped;
        ends
    });
    let end = end.ok_or_else(open)? + 2;
    // Its escapes are JSON's.
    let value = serde_json::from_str(&text[..end]).map_err(|_| open())?;
    Ok((value, end))
}
