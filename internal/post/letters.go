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
	Full    Kind = "full"    // a login was refused, because the person has as many sessions as one may have
	Crowded Kind = "crowded" // and one that passed all the same
)

// The kinds about a change that was made on the account page; see portal.Told.
const (
	PasswordChanged  Kind = "password_changed"
	PasskeyAdded     Kind = "passkey_added"
	PasskeyRemoved   Kind = "passkey_removed"
	AppAdded         Kind = "totp_added"
	AppRemoved       Kind = "totp_removed"
	CodesRenewed     Kind = "recovery_renewed"
	ProviderUnlinked Kind = "provider_unlinked"
	KeyCreated       Kind = "key_created"
	KeyRotated       Kind = "key_rotated"
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
	notice := func(subject, what string) []string {
		return []string{subject + " at {site}", what, "{device}, network {network}, {at}",
			"If it was you, do nothing. If not, open your account at once, take the change back and end all other sessions:", "{link}", "If you cannot sign in any more, ask who runs {site} for help."}
	}
	return words{
		Reset:   {"A new password for {site}", "Somebody, probably you, asked for a new password for {site}. Open this link to choose one:", "{link}", "The link is good for {life}, and once. If you did not ask, do nothing: your password stays as it is."},
		NoReset: {"Signing in to {site}", "Somebody, probably you, asked for a new password for {site}. Your account is switched off, or people sign in there without a password.", "If you cannot sign in, ask who runs {site}."},
		Invite:  {"Your account at {site}", "An account at {site} was made for you. Open this link and choose a password:", "{link}", "The link is good for {life}, and once. If you do not know {site}, do nothing."},
		Signup:  {"Your address for {site}", "Somebody, probably you, wants an account at {site} with this address. Open this link to confirm it and choose a password:", "{link}", "The link is good for {life}, and once. If it was not you, do nothing: no account is made."},
		Present: {"Your account at {site}", "Somebody, probably you, wanted a new account at {site} with this address. You have one already.", "If you do not remember the password, ask for a new one there:", "{link}", "If it was not you, do nothing."},
		Device:  {"A new login at {site}", "Your account at {site} was signed in to from a device that we did not know:", "{device}, network {network}, {at}", "If it was you, do nothing. If not, choose a new password at once, and end that session:", "{link}"},
		Changed: {"Your password for {site} was changed", "The password of your account at {site} was changed, and all sessions have ended ({at}).", "If it was not you, ask who runs {site} for help at once."},
		Full: {"A login at {site} was refused", "Somebody, probably you, signed in to your account at {site} with all that is needed, and was refused: you are signed in at as many places as {site} allows.", "{device}, network {network}, {at}",
			"If it was you, sign out at one of these places, or end a session here:", "{link}", "If it was not you, somebody knows what you sign in with: choose a new password at once. That ends all sessions."},
		Crowded: {"Your account at {site} is in use at many places", "Your account at {site} was signed in to at more places than {site} expects of one person, the last time here:", "{device}, network {network}, {at}",
			"If they are all yours, do nothing. If not, choose a new password at once, and end the other sessions:", "{link}"},

		PasswordChanged:  notice("Your password was changed", "The password of your account at {site} was changed on the account page, and all other sessions have ended:"),
		PasskeyAdded:     notice("A passkey was added", "A passkey was added to your account at {site}. Whoever has it can sign in:"),
		PasskeyRemoved:   notice("A passkey was removed", "A passkey was removed from your account at {site}:"),
		AppAdded:         notice("One-time codes were turned on", "An app for one-time codes was added to your account at {site}:"),
		AppRemoved:       notice("One-time codes were turned off", "The app for one-time codes was removed from your account at {site}, and nobody is asked for a code any more:"),
		CodesRenewed:     notice("New recovery codes", "The recovery codes of your account at {site} were replaced, and the old ones do not work any more:"),
		ProviderUnlinked: notice("A provider was unlinked", "Your account at {site} was unlinked from a provider that you could sign in with, and all other sessions have ended:"),
		KeyCreated:       notice("A new API key", "A personal API key was made for your account at {site}. Whoever has it can act as you within its rights:"),
		KeyRotated:       notice("An API key was replaced", "A personal API key of your account at {site} was replaced by a new one. Whoever has it can act as you within its rights:"),
	}
}

func japanese() words {
	notice := func(subject, what string) []string {
		return []string{"{site}: " + subject, what, "{device}、ネットワーク {network}、{at}",
			"ご本人の場合は、何もする必要はありません。お心当たりがない場合は、すぐにアカウントを開いて変更を取り消し、ほかのすべてのセッションを終了してください。", "{link}", "ログインできなくなった場合は、{site} の管理者にご連絡ください。"}
	}
	return words{
		Reset:   {"{site} の新しいパスワード", "{site} の新しいパスワードの設定が依頼されました。お心当たりがある場合は、次のリンクを開いて設定してください。", "{link}", "リンクの有効期間は{life}で、一度だけ使えます。お心当たりがない場合は、何もしないでください。パスワードは変わりません。"},
		NoReset: {"{site} へのログイン", "{site} の新しいパスワードの設定が依頼されましたが、アカウントが停止されているか、パスワードを使わないサイトです。", "ログインできない場合は、{site} の管理者にお問い合わせください。"},
		Invite:  {"{site} のアカウント", "{site} にあなたのアカウントが作成されました。次のリンクを開いて、パスワードを設定してください。", "{link}", "リンクの有効期間は{life}で、一度だけ使えます。{site} にお心当たりがない場合は、何もしないでください。"},
		Signup:  {"{site} のアドレス確認", "このアドレスで {site} のアカウントの作成が依頼されました。お心当たりがある場合は、次のリンクを開いてアドレスを確認し、パスワードを設定してください。", "{link}", "リンクの有効期間は{life}で、一度だけ使えます。お心当たりがない場合は、何もしないでください。アカウントは作成されません。"},
		Present: {"{site} のアカウント", "このアドレスで {site} の新しいアカウントの作成が依頼されましたが、すでにアカウントがあります。", "パスワードをお忘れの場合は、次のページで再設定してください。", "{link}", "お心当たりがない場合は、何もしないでください。"},
		Device:  {"{site} への新しいログイン", "{site} のあなたのアカウントに、これまで使われていない端末からログインがありました。", "{device}、ネットワーク {network}、{at}", "ご本人の場合は、何もする必要はありません。お心当たりがない場合は、すぐにパスワードを変更し、そのセッションを終了してください。", "{link}"},
		Changed: {"{site} のパスワードが変更されました", "{site} のあなたのアカウントのパスワードが変更され、すべてのセッションが終了しました（{at}）。", "お心当たりがない場合は、すぐに {site} の管理者にご連絡ください。"},
		Full: {"{site} へのログインをお断りしました", "{site} のあなたのアカウントに正しい情報でログインしようとした人がいますが、同時に使えるセッション数の上限に達しているため、お断りしました。", "{device}、ネットワーク {network}、{at}",
			"ご本人の場合は、使っていない端末でログアウトするか、次のページでセッションを終了してください。", "{link}", "お心当たりがない場合は、ログイン情報がほかの人に知られています。すぐにパスワードを変更してください。すべてのセッションが終了します。"},
		Crowded: {"{site} のアカウントが多くの端末で使われています", "{site} のあなたのアカウントに、同時に使う端末の想定数を超えてログインがありました。最後のログインは次のとおりです。", "{device}、ネットワーク {network}、{at}",
			"すべてご本人の場合は、何もする必要はありません。お心当たりがない場合は、すぐにパスワードを変更し、ほかのセッションを終了してください。", "{link}"},

		PasswordChanged:  notice("パスワードが変更されました", "{site} のあなたのアカウントのパスワードがアカウントページで変更され、ほかのすべてのセッションが終了しました。"),
		PasskeyAdded:     notice("パスキーが追加されました", "{site} のあなたのアカウントにパスキーが追加されました。そのパスキーを持つ人はログインできます。"),
		PasskeyRemoved:   notice("パスキーが削除されました", "{site} のあなたのアカウントからパスキーが削除されました。"),
		AppAdded:         notice("ワンタイムコードが有効になりました", "{site} のあなたのアカウントに、ワンタイムコード用のアプリが追加されました。"),
		AppRemoved:       notice("ワンタイムコードが無効になりました", "{site} のあなたのアカウントからワンタイムコード用のアプリが削除され、コードは求められなくなりました。"),
		CodesRenewed:     notice("リカバリーコードが再発行されました", "{site} のあなたのアカウントのリカバリーコードが再発行され、以前のコードは使えなくなりました。"),
		ProviderUnlinked: notice("プロバイダーとの連携が解除されました", "{site} のあなたのアカウントとログイン用プロバイダーとの連携が解除され、ほかのすべてのセッションが終了しました。"),
		KeyCreated:       notice("API キーが作成されました", "{site} のあなたのアカウントの個人用 API キーが作成されました。キーを持つ人は、その権限の範囲であなたとして操作できます。"),
		KeyRotated:       notice("API キーが置き換えられました", "{site} のあなたのアカウントの個人用 API キーが新しいキーに置き換えられました。キーを持つ人は、その権限の範囲であなたとして操作できます。"),
	}
}

// life is how long a link is good, in words.
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
