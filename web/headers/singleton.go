package headers

// singleton reports whether the field has one value by its definition, so that a second
// line can only mislead: WSGI joins lines with commas, ASGI hands on all, Go and nginx
// read the first, others the last. Cookie is none: HTTP/2 splits it (RFC 9113, 8.2.3).
func singleton(name string) bool {
	if single(name) {
		return true
	}
	switch name {
	case "Authorization", "Proxy-Authorization",
		"Content-Type", "Content-Range", "Content-Location", "Content-Disposition",
		"Date", "Expect", "From", "Max-Forwards", "Referer", "User-Agent",
		"Range", "If-Range", "If-Modified-Since", "If-Unmodified-Since",
		"Transfer-Encoding", "Upgrade",
		"X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
		"Dpop", "Idempotency-Key", "Last-Event-Id", "Upgrade-Insecure-Requests":
		return true
	}
	return false
}

// single reports whether the field's one value can also hold no comma, so that a comma
// shows two lines that somebody on the way has joined.
func single(name string) bool {
	switch name {
	case "Host", "Content-Length", "Origin",
		"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User",
		"Sec-Websocket-Key", "Sec-Websocket-Version",
		"X-Api-Key", "X-Sanmon-Csrf", "X-Csrftoken", "X-Csrf-Token", "X-Xsrf-Token",
		"X-Requested-With", "X-Request-Id",
		"Access-Control-Request-Method":
		return true
	}
	return false
}
