package portal

import "strings"

// maxUserAgent is how much of a User-Agent is looked at and kept, in bytes.
const maxUserAgent = 512

type mark struct{ sign, name string }

// browserOf and systemOf stand in the order of looking: most browsers also name those that
// they descend from.
func browserOf() []mark {
	return []mark{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"}, {"YaBrowser/", "Yandex Browser"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"},
		{"curl/", "curl"}, {"python-requests/", "Python requests"}, {"python-httpx/", "Python httpx"}, {"Go-http-client/", "Go"}, {"okhttp/", "OkHttp"},
	}
}

func systemOf() []mark {
	return []mark{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"Macintosh", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}, {"FreeBSD", "FreeBSD"},
	}
}

// DeviceLabel is what a person sees of a browser in a list: "Firefox on Linux". It has only
// words of ours, whatever the header says.
func DeviceLabel(userAgent string) string {
	userAgent = userAgent[:min(len(userAgent), maxUserAgent)]
	browser, system := first(userAgent, browserOf()), first(userAgent, systemOf())
	switch {
	case browser == "" && system == "":
		return "Unknown device"
	case browser == "":
		return "Unknown browser on " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func first(s string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(s, m.sign) {
			return m.name
		}
	}
	return ""
}
