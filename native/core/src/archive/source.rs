//! Where an archive's bytes are: in a file, or in memory.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{CoreError, Result};

/// A `.zip`, by path or as bytes.
#[derive(Debug, Clone)]
pub enum Source {
    File(PathBuf),
    /// `name` stands for the path in errors.
    Bytes {
        name: String,
        bytes: Arc<[u8]>,
    },
}

/// What an archive is read through, from any thread.
pub trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

impl Source {
    /// What errors call it.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes { name, .. } => name.clone(),
        }
    }

    /// The bytes from their start.
    ///
    /// # Errors
    /// `FILE_UNREADABLE`.
    pub fn open(&self) -> Result<Box<dyn Bytes>> {
        match self {
            Self::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(CoreError::new("FILE_UNREADABLE", format!("cannot be read: {error}"))),
            },
            Self::Bytes { bytes, .. } => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
        }
    }
}
