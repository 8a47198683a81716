//! A server-sent events client that reconnects, resumes and tells what happens.
