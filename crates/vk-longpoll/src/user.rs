//! User Long Poll: what a user's or a community's account sees.
