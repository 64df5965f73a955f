package scan

// Rule is one thing that the scanner looks for.
type Rule struct {
	ID       string
	Severity Severity
	Title    string
	Why      string
	Remedy   string
	CWE      int // number in the Common Weakness Enumeration
}

// The names of the rules.
const (
	sanmonKey      = "sanmon-key"
	sanmonRefresh  = "sanmon-refresh-token"
	privateKey     = "private-key"
	hardcoded      = "hardcoded-secret"
	webStorage     = "token-in-web-storage"
	csrfExempt     = "csrf-exempt"
	csrfMiddleware = "csrf-middleware-missing"
	csrfDisabled   = "csrf-disabled"
	markSafe       = "mark-safe"
	templateSafe   = "template-safe"
	autoescapeOff  = "autoescape-off"
	markup         = "markup-variable"
	innerHTML      = "inner-html"
	dangerousHTML  = "dangerously-set-inner-html"
	vHTML          = "v-html"
	goHTML         = "go-template-html"
	jwtUnverified  = "jwt-unverified"
	jwtAlgorithms  = "jwt-no-algorithms"
	jwtNone        = "jwt-alg-none"
	tokenLong      = "token-lifetime-long"
	tokenForever   = "token-no-expiry"
	cookieWeak     = "cookie-insecure"
	debugOn        = "debug-on"
	hostsAny       = "allowed-hosts-any"
	corsAny        = "cors-any-with-credentials"
	tlsOff         = "tls-verify-off"
)

// Rules returns every rule, in the order of the documentation.
func Rules() []Rule {
	return []Rule{
		{sanmonKey, Critical, "Sanmon API key", "this is a whole Sanmon API key%s, its checksum is right: whoever reads the file can use it", "revoke it now (sanmon key revoke ID, or POST it to /.sanmon/revoke-key), make another and hand it over by env: or file: reference", 798},
		{sanmonRefresh, Critical, "Sanmon refresh token", "this is a whole Sanmon refresh token%s, its checksum is right: it renews access without a password", "end its session (sanmon session revoke) and keep tokens out of files", 798},
		{privateKey, Critical, "private key", "a private key in a file is everybody's who reads the file, its backups and its history", "replace the key pair, keep the new one outside the tree and refer to it (env:, file:, cred: or a key service)", 321},
		{hardcoded, High, "secret assigned to a literal", "%s is set to a literal: the secret lives in the source, its copies and its history", "read it from the environment or a secret store, and replace this value", 798},
		{webStorage, High, "token in web storage", "what is in localStorage or sessionStorage can be read by every script of the page", "let the gate hold the session in its HttpOnly cookie; scripts need no token", 922},
		{csrfExempt, High, "CSRF protection switched off for a view", "the view accepts requests that other sites make browsers send", "send the token (X-Sanmon-Csrf or the form field) and remove the exemption", 352},
		{csrfMiddleware, High, "CSRF middleware missing", "MIDDLEWARE has no CsrfViewMiddleware: no view checks where a request comes from", "add django.middleware.csrf.CsrfViewMiddleware", 352},
		{csrfDisabled, High, "CSRF protection switched off", "%s switches the check off for the whole application", "remove the setting", 352},
		{markSafe, High, "mark_safe on a variable", "automatic escaping is switched off for a value that is no constant", "use format_html, or clean the value with an HTML sanitizer", 79},
		{templateSafe, High, "|safe in a template", "automatic escaping is switched off for a value", "remove the filter; for markup that people write, sanitize when it is stored and declare the field", 79},
		{autoescapeOff, High, "automatic escaping switched off", "nothing in this part of the templates is escaped", "switch it on again and mark the few trusted values", 79},
		{markup, High, "Markup on a variable", "automatic escaping is switched off for a value that is no constant", "put placeholders into a constant: Markup(\"<b>{}</b>\").format(value) escapes", 79},
		{innerHTML, High, "innerHTML from a value", "the value is parsed as markup, with its event handlers", "set textContent, or sanitize (DOMPurify.sanitize) first", 79},
		{dangerousHTML, High, "dangerouslySetInnerHTML from a value", "React's escaping is switched off for the value", "render the value as text, or sanitize it first", 79},
		{vHTML, High, "v-html from a value", "Vue's escaping is switched off for the value", "use {{ }} or v-text, or sanitize the value first", 79},
		{goHTML, High, "html/template escaping switched off", "the conversion declares a value that is no constant to be trusted", "let html/template escape it, or sanitize it and say so", 79},
		{jwtUnverified, Critical, "token read without verification", "anybody can write such a token", "verify signature and expiry before any claim is used", 347},
		{jwtAlgorithms, High, "token verified without a list of algorithms", "the token's author chooses the algorithm (RFC 8725, Section 3.1)", "pass algorithms=[…] with the one that you issue", 347},
		{jwtNone, Critical, "alg none", "the token has no signature: anybody can write one", "sign with ES256 or EdDSA and accept nothing else", 347},
		{tokenLong, Medium, "access token lives longer than a day", "%s: a copy of the token works as long, whatever happens to the account", "minutes for access tokens, a rotating refresh token beside them", 613},
		{tokenForever, High, "token without expiry", "the token never ends: a copy works for ever", "set exp, some minutes ahead", 613},
		{cookieWeak, Medium, "cookie protection switched off", "%s leaves a cookie readable by scripts, on plain http or across sites", "remove the setting or switch the protection on", 614},
		{debugOn, High, "debug mode in production settings", "error pages show source, settings and values of requests", "read DEBUG from the environment, off by default", 489},
		{hostsAny, Medium, "every Host accepted", "links and caches can be poisoned with a foreign Host", "name the hosts that the application serves", 644},
		{corsAny, High, "CORS for everybody, with credentials", "every site may read answers in the name of the signed-in user", "name the origins", 942},
		{tlsOff, High, "TLS verification off", "%s accepts any certificate: whoever sits between reads and changes everything", "trust the right authority (a CA bundle) instead", 295},
	}
}
