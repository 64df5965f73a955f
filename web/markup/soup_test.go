package markup

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// soup is what random pages are made of: everything that the tree's rules speak about.
var soup = []string{
	"<form method=post>", "<form method=post action=/x>", "<form method=post action=//evil>", "<form>", "</form>", "<form method=post action=x>", "<input type=hidden>", "<input>",
	"<template>", "</template>", "<table>", "</table>", "<tr>", "<td>", "</td>", "</tr>", "<caption>", "</caption>", "<colgroup>", "<col>", "<tbody>", "<th>",
	"<select>", "</select>", "<option>", "<optgroup>", "<keygen>", "<button>", "</button>",
	"<svg>", "</svg>", "<svg/>", "<math>", "</math>", "<g>", "</g>", "<g/>", "<desc>", "</desc>", "<foreignObject>", "</foreignObject>", "<title>", "</title>", "<mi>", "</mi>", "<mtext>", "</mtext>", "<annotation-xml>", "<annotation-xml encoding=text/html>", "</annotation-xml>", "<mglyph>", "<malignmark>",
	"<font>", "<font color=x>", "</font>", "<p>", "</p>", "<br>", "</br>", "<div>", "</div>", "<b>", "</b>", "<a>", "</a>", "<li>", "<h1>", "</h1>", "<center>", "<image>", "<hr>",
	"<script>", "</script>", "<style>", "</style>", "<textarea>", "</textarea>", "<xmp>", "</xmp>", "<iframe>", "</iframe>", "<noembed>", "</noembed>", "<noframes>", "</noframes>", "<noscript>", "</noscript>", "<plaintext>",
	"<!--", "-->", "<![CDATA[", "]]>", "<!x>", "x", " ", "\n", "<frameset>", "<frame>", "</frameset>",
	"<html>", "</html>", "<head>", "</head>", "<body>", "</body>", "<!doctype html>", "<meta charset=utf-8>", "<base href=/b/>", "<base href=//evil>", "<link>", "<object>", "</object>", "<marquee>",
}

func TestSoup(t *testing.T) {
	rounds := 30000
	if testing.Short() {
		rounds = 3000
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		var b strings.Builder
		for range 2 + rng.IntN(14) {
			b.WriteString(soup[rng.IntN(len(soup))])
		}
		page := b.String()
		for _, shape := range []Shape{Fragment, Document} {
			out, r := run(testPage(shape), page, 1+rng.IntN(9))
			check(t, []byte(page), r, []byte(out))
		}
	}
}
