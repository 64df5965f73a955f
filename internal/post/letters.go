package post

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
)

// Kind is what a letter is about.
type Kind string

// The kinds.
const (
	Reset   Kind = "reset"    // a link for a new password
	NoReset Kind = "no_reset" // somebody asked for one, and signs in without a password
	Invite  Kind = "invite"
	Signup  Kind = "signup"  // a link that makes an account
	Present Kind = "present" // somebody signed up with the address of an account
	Device  Kind = "device"  // a login from a device that was not known
	Changed Kind = "changed" // the password was changed
)

// Facts are what a letter says. All of it comes from us; Device is one of our words.
type Facts struct {
	Site, URL string // host and link; "" none
	Hours     string // how long the link is good, in words of the language; see Life
	Device    string // "Firefox on Linux"
	At        string // a moment, UTC
	Network   string
}

// words are the texts of a kind: the subject, then paragraphs. "{site}", "{life}",
// "{device}", "{at}" and "{network}" are filled in; "{link}" alone is the link.
type words map[Kind][]string

func english() words {
	return words{
		Reset:   {"A new password for {site}", "Somebody, probably you, asked for a new password for {site}. Open this link to choose one:", "{link}", "The link is good for {life}, and once. If you did not ask, do nothing: your password stays as it is."},
		NoReset: {"Signing in to {site}", "Somebody, probably you, asked for a new password for {site}. Your account is switched off, or people sign in there without a password.", "If you cannot sign in, ask who runs {site}."},
		Invite:  {"Your account at {site}", "An account at {site} was made for you. Open this link and choose a password:", "{link}", "The link is good for {life}, and once. If you do not know {site}, do nothing."},
		Signup:  {"Your address for {site}", "Somebody, probably you, wants an account at {site} with this address. Open this link to confirm it and choose a password:", "{link}", "The link is good for {life}, and once. If it was not you, do nothing: no account is made."},
		Present: {"Your account at {site}", "Somebody, probably you, wanted a new account at {site} with this address. You have one already.", "If you do not remember the password, ask for a new one there:", "{link}", "If it was not you, do nothing."},
		Device:  {"A new login at {site}", "Your account at {site} was signed in to from a device that we did not know:", "{device}, network {network}, {at}", "If it was you, do nothing. If not, choose a new password at once, and end that session:", "{link}"},
		Changed: {"Your password for {site} was changed", "The password of your account at {site} was changed, and all sessions have ended ({at}).", "If it was not you, ask who runs {site} for help at once."},
	}
}

func japanese() words {
	return words{
		Reset:   {"{site} の新しいパスワード", "{site} の新しいパスワードの設定が依頼されました。お心当たりがある場合は、次のリンクを開いて設定してください。", "{link}", "リンクの有効期間は{life}で、一度だけ使えます。お心当たりがない場合は、何もしないでください。パスワードは変わりません。"},
		NoReset: {"{site} へのサインイン", "{site} の新しいパスワードの設定が依頼されましたが、アカウントが停止されているか、パスワードを使わないサイトです。", "サインインできない場合は、{site} の管理者にお問い合わせください。"},
		Invite:  {"{site} のアカウント", "{site} にあなたのアカウントが作成されました。次のリンクを開いて、パスワードを設定してください。", "{link}", "リンクの有効期間は{life}で、一度だけ使えます。{site} にお心当たりがない場合は、何もしないでください。"},
		Signup:  {"{site} のアドレス確認", "このアドレスで {site} のアカウントの作成が依頼されました。お心当たりがある場合は、次のリンクを開いてアドレスを確認し、パスワードを設定してください。", "{link}", "リンクの有効期間は{life}で、一度だけ使えます。お心当たりがない場合は、何もしないでください。アカウントは作成されません。"},
		Present: {"{site} のアカウント", "このアドレスで {site} の新しいアカウントの作成が依頼されましたが、すでにアカウントがあります。", "パスワードをお忘れの場合は、次のページで再設定してください。", "{link}", "お心当たりがない場合は、何もしないでください。"},
		Device:  {"{site} への新しいサインイン", "{site} のあなたのアカウントに、これまで使われていない端末からサインインがありました。", "{device}、ネットワーク {network}、{at}", "ご本人の場合は、何もする必要はありません。お心当たりがない場合は、すぐにパスワードを変更し、そのセッションを終了してください。", "{link}"},
		Changed: {"{site} のパスワードが変更されました", "{site} のあなたのアカウントのパスワードが変更され、すべてのセッションが終了しました（{at}）。", "お心当たりがない場合は、すぐに {site} の管理者にご連絡ください。"},
	}
}

// lives are how long links are good, in words.
func life(lang, key string) string {
	return map[string]string{
		"en/30m": "30 minutes", "en/24h": "24 hours", "en/72h": "3 days",
		"ja/30m": "30分", "ja/24h": "24時間", "ja/72h": "3日",
	}[lang+"/"+key]
}

// page is the letter for those who read HTML: no picture, no script, nothing from elsewhere.
const page = `<!DOCTYPE html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><title>{{.Subject}}</title></head>
<body style="font-family:sans-serif;line-height:1.6;max-width:36em;margin:1.5em auto;padding:0 1em">
{{range .Parts}}{{if .Link}}<p><a href="{{.Link}}">{{.Link}}</a></p>
{{else}}<p>{{.Text}}</p>
{{end}}{{end}}</body></html>
`

type part struct{ Text, Link string }

// Write writes a letter of a kind in "en" or "ja"; any other language is English.
func Write(to, lang string, kind Kind, f Facts) (*Letter, error) {
	texts, ok := english()[kind]
	if lang == "ja" {
		texts = japanese()[kind]
	} else {
		lang = "en"
	}
	if !ok {
		return nil, fmt.Errorf("write a letter: there is no kind %q", kind)
	}
	fill := strings.NewReplacer("{site}", f.Site, "{life}", life(lang, f.Hours), "{device}", f.Device, "{at}", f.At, "{network}", f.Network)
	l := &Letter{To: to, Subject: fill.Replace(texts[0])}
	var parts []part
	var text []string
	for _, p := range texts[1:] {
		if p == "{link}" {
			parts, text = append(parts, part{Link: f.URL}), append(text, f.URL)
			continue
		}
		p = fill.Replace(p)
		parts, text = append(parts, part{Text: p}), append(text, p)
	}
	l.Text = strings.Join(text, "\n\n") + "\n"
	t, err := template.New("letter").Parse(page)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, struct {
		Lang, Subject string
		Parts         []part
	}{lang, l.Subject, parts}); err != nil {
		return nil, err
	}
	l.HTML = b.String()
	return l, nil
}
