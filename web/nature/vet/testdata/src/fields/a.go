package fields

import (
	"time"

	"github.com/sanmon-gate/sanmon/web/nature"
)

type missing struct {
	A string // want `field A has no nature`
	b string
}

type some struct {
	A string `out:"text"`
	B string `json:"b"` // want `field B has no nature`
	c string
}

type wrong struct {
	A string      `out:"txt"`                             // want `the nature is wrong: "txt" is no nature`
	B string      `out:"html"`                            // want `the nature is wrong: .*which policy and why`
	C string      `out:"html,policy=ugc"`                 // want `the nature is wrong: .*which policy and why`
	D nature.Text `out:"html,policy=ugc,reason=whatever"` // want `a datum of nature text is declared html`
	E string      `out:"text,more"`                       // want `the nature is wrong: text takes nothing after it`
}

type inner struct {
	X string // want `field X has no nature`
}

type outer struct {
	T    time.Time   // want `field T has no nature`
	H    nature.HTML // want `field H has no nature`
	I    []*inner
	Skip inner2   `out:"never"`
	L    []string // want `field L has no nature`
	inner
}

type inner2 struct{ Y string }

type whole struct {
	A string `out:"text"`
	B string `out:"never"`
	C string `out:"html,policy=ugc,reason=people write it, in the editor"`
	D nature.Text
	E nature.URL
	F nature.HTML `out:"html,policy=basic,reason=notes"`
	G time.Time   `out:"text"`
	H []*whole
	i string
}

type elsewhere struct{ A string }

func f(o *nature.Output, any1 any) {
	o.View(missing{})
	o.Marshal(&outer{})
	o.Check([]whole{}, map[string]*whole{})
	o.View(any1)
	_ = elsewhere{}
}
