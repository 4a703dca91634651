//! What the tests share: the reference generators and an oracle.
#![allow(dead_code)]

pub mod generators;
pub mod oracle;
pub mod streams;
