//! The errors that VK's API answers with.
use std::fmt;

use rt_common::Excerpt;

mod read;

/// An error that VK's API answered with.
///
/// ```
/// use vk_longpoll::ApiError;
///
/// let error: ApiError = serde_json::from_str(
///     r#"{"error_code":29,"error_msg":"Rate limit reached","request_params":[{"key":"v","value":"5.103"}]}"#,
/// )?;
/// assert_eq!(error.code(), ApiError::RATE_LIMIT);
/// assert!(error.is_retryable());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct ApiError {
    code: i64,
    message: Option<String>,
    subcode: Option<i64>,
    text: Option<String>,
    captcha_sid: Option<String>,
    captcha_img: Option<String>,
    redirect_uri: Option<String>,
    confirmation_text: Option<String>,
    /// In the errors of `execute`.
    method: Option<String>,
    request_params: Vec<(String, String)>,
}

impl ApiError {
    /// Something unknown went wrong.
    pub const UNKNOWN: i64 = 1;
    /// The token is not, or no longer, good.
    pub const UNAUTHORIZED: i64 = 5;
    /// Too many calls a second; this one was not carried out.
    pub const TOO_MANY_PER_SECOND: i64 = 6;
    /// The token may not do this.
    pub const PERMISSION_DENIED: i64 = 7;
    /// Too many calls of one kind.
    pub const FLOOD: i64 = 9;
    /// The server failed.
    pub const INTERNAL: i64 = 10;
    /// A person has to read a [captcha](Captcha).
    pub const CAPTCHA: i64 = 14;
    /// The account has to be validated, at [`redirect_uri`](ApiError::redirect_uri).
    pub const VALIDATION: i64 = 17;
    /// The user has to confirm it: [`confirmation_text`](ApiError::confirmation_text).
    pub const CONFIRMATION: i64 = 24;
    /// The limit on calls of this method is reached, for hours perhaps.
    pub const RATE_LIMIT: i64 = 29;
    /// A parameter is missing or wrong.
    pub const PARAMETER: i64 = 100;
    /// The `ts` or `pts` is too old: what followed it is gone.
    pub const POSITION_TOO_OLD: i64 = 907;
    /// The `ts` or `pts` is newer than anything.
    pub const POSITION_TOO_NEW: i64 = 908;

    /// The number of the error; those that VK documents for every method are constants here.
    pub fn code(&self) -> i64 {
        self.code
    }

    /// A number that tells errors of one code apart.
    pub fn subcode(&self) -> Option<i64> {
        self.subcode
    }

    /// VK's own words, for a developer.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// VK's own words, for the user.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The captcha that a person has to read (code 14).
    pub fn captcha(&self) -> Option<Captcha> {
        let sid = self.captcha_sid.clone()?;
        let image = self.captcha_img.clone().unwrap_or_default();
        Some(Captcha { sid, image, redirect_uri: self.redirect_uri.clone() })
    }

    /// Where the user has to go (codes 14 and 17).
    pub fn redirect_uri(&self) -> Option<&str> {
        self.redirect_uri.as_deref()
    }

    /// What the user has to confirm (code 24).
    pub fn confirmation_text(&self) -> Option<&str> {
        self.confirmation_text.as_deref()
    }

    /// The method that failed, where VK says so: in an `execute`, and in the parameters.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref().or_else(|| self.request_param("method"))
    }

    /// A parameter of the call as VK understood it. (The token is not among them.)
    pub fn request_param(&self, key: &str) -> Option<&str> {
        let mut params = self.request_params.iter();
        let found = params.find(|(name, _)| name == key && key != "access_token");
        found.map(|(_, value)| &**value)
    }

    /// Whether the same call may well succeed later: 1, 6, 9, 10 and 29.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.code,
            Self::UNKNOWN
                | Self::TOO_MANY_PER_SECOND
                | Self::FLOOD
                | Self::INTERNAL
                | Self::RATE_LIMIT
        )
    }
}

/// A captcha: an image that a person, or a service, has to read. Its `Debug` shows nothing of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Captcha {
    /// Its number.
    pub sid: String,
    /// The URL of the image.
    pub image: String,
    /// The page of the newer kind, which gives a `success_token`.
    pub redirect_uri: Option<String>,
}

/// What was read of a [`Captcha`]. Its `Debug` says only which kind it is.
#[derive(Clone)]
#[non_exhaustive]
pub enum CaptchaAnswer {
    /// The text in the image.
    Key(String),
    /// The token that the page of the newer kind gave.
    SuccessToken(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = self.method() {
            write!(f, "{}: ", Excerpt::of(method))?;
        }
        write!(f, "VK answered with error {}: {}", self.code, Excerpt::of(self.message()))
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Parameters may be secrets of the user's.
        f.debug_struct("ApiError")
            .field("code", &self.code)
            .field("subcode", &self.subcode)
            .field("message", &self.message())
            .field("method", &self.method())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ApiError {}

impl fmt::Debug for Captcha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever has these can answer it.
        f.debug_struct("Captcha").finish_non_exhaustive()
    }
}

impl fmt::Debug for CaptchaAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(***)",
            Self::SuccessToken(_) => "SuccessToken(***)",
        })
    }
}
