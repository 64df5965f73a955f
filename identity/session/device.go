package session

import "strings"

// UnknownDevice is what Device says when it cannot tell.
const UnknownDevice = "unknown device"

// The order matters: most browsers name the ones they descend from as well.
var browsers = [...][2]string{
	{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
	{"Vivaldi/", "Vivaldi"}, {"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"},
	{"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
}

var systems = [...][2]string{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
	{"Windows NT", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
}

var tools = [...][2]string{
	{"curl/", "curl"}, {"Wget/", "Wget"}, {"python-requests/", "python-requests"}, {"python-httpx/", "HTTPX"},
	{"HTTPie/", "HTTPie"}, {"Go-http-client/", "Go program"}, {"okhttp/", "OkHttp"}, {"PostmanRuntime/", "Postman"},
}

// Device turns a User-Agent into a label for a person's list of devices, such as
// "Firefox on Linux". It is what the client claims, for recognition and no decision;
// no part of the header itself gets into it.
func Device(userAgent string) string {
	if len(userAgent) > 1024 {
		return UnknownDevice
	}
	for _, t := range tools {
		if strings.HasPrefix(userAgent, t[0]) {
			return t[1]
		}
	}
	browser, system := find(browsers[:], userAgent), find(systems[:], userAgent)
	switch {
	case browser == "" && system == "":
		return UnknownDevice
	case browser == "":
		return "unknown browser on " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func find(words [][2]string, in string) string {
	for _, w := range words {
		if strings.Contains(in, w[0]) {
			return w[1]
		}
	}
	return ""
}
