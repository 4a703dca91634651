//! The one error of the core: a stable code, a sentence, and where it happened.

use std::fmt;

/// What went wrong, and where. `code` is stable and may be matched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreError {
    /// Stable, upper snake case, e.g. `UNSORTED_TRADES`.
    pub code: &'static str,
    pub message: String,
    /// The file, where one was read.
    pub file: Option<String>,
    /// Line of the inflated text, from 1.
    pub line: Option<u64>,
    /// Byte offset in the inflated text.
    pub offset: Option<u64>,
    /// Position in the slice that was pushed, where the error is about one of its trades.
    pub index: Option<usize>,
}

pub type Result<T> = std::result::Result<T, CoreError>;

impl CoreError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), file: None, line: None, offset: None, index: None }
    }

    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    pub fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    pub fn at_index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    pub fn at_offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(offset) = self.offset {
            write!(f, "byte {offset}: ")?;
        }
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for CoreError {}
