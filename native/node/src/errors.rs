use std::any::Any;

use barkeep_core::error::CoreError;
use napi::{Error, Status};

/// The error as JSON in the message, for lib/native to parse.
pub fn to_js(error: CoreError) -> Error {
    let number = |value: Option<u64>| value.map_or("null".to_owned(), |v| v.to_string());
    let file = error.file.as_deref().map_or("null".to_owned(), quoted);
    Error::new(
        Status::GenericFailure,
        format!(
            "{{\"code\":{},\"message\":{},\"file\":{file},\"line\":{},\"offset\":{}}}",
            quoted(error.code),
            quoted(&error.message),
            number(error.line),
            number(error.offset)
        ),
    )
}

/// What a caught panic said.
pub fn panicked(payload: Box<dyn Any + Send>) -> CoreError {
    let said = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    CoreError::new("PANIC", format!("the core panicked: {said}"))
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if (control as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
