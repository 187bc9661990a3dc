//! What pickles are packed in, known by content. One format a file.

pub(crate) mod ar;
pub(crate) mod begins;
pub(crate) mod berkeley;
pub(crate) mod codec;
pub(crate) mod layer;
pub(crate) mod lz4;
pub(crate) mod npy;
pub(crate) mod pictures;
pub(crate) mod redis;
pub(crate) mod sevenz;
pub(crate) mod spelled;
pub(crate) mod sqlite;
pub(crate) mod tar;
pub(crate) mod text;
pub(crate) mod zip;
pub(crate) mod zodb;
