package waf

import (
	"fmt"
	"strings"
)

// directives is the configuration of the engine in its own language. Numbers of local
// rules are below 100000, where the Core Rule Set has none.
func directives(o Options, exclusions []Exclusion) string {
	var b strings.Builder
	limit := o.Body + 1 // the engine rejects a body at its limit, and Inspect what is above ours
	fmt.Fprintf(&b, base, limit, limit, o.Paranoia)
	b.WriteString(includes)
	for _, e := range exclusions {
		for _, target := range e.targets() {
			if e.From == "" {
				fmt.Fprintf(&b, "SecRuleUpdateTargetByTag \"OWASP_CRS\" \"%s\"\n", target)
				continue
			}
			fmt.Fprintf(&b, "SecRuleUpdateTargetById %s-%s \"%s\"\n", e.From, e.To, target)
		}
	}
	return b.String()
}

// base sets the engine up: which parser a body is read with, and that what could not be
// read to its end is refused. Coraza says which variables tell: REQBODY_ERROR,
// MULTIPART_STRICT_ERROR and ARGUMENTS_LIMIT_REACHED. Methods are the routes' business.
const base = `
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit %d
SecRequestBodyInMemoryLimit %d
SecRequestBodyLimitAction Reject
SecRequestBodyJsonDepthLimit 64
SecArgumentsLimit 1000
SecResponseBodyAccess Off
SecAuditEngine Off
SecDefaultAction "phase:1,nolog,noauditlog,pass"
SecDefaultAction "phase:2,nolog,noauditlog,pass"
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:text|application)/(?:[a-z0-9.-]+\+)?xml" "id:1001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+\+)?json" "id:1002,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:1003,phase:2,t:none,deny,log,msg:'the body is not what its type says'"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:1004,phase:2,t:none,deny,log,msg:'the multipart body can be read in more than one way'"
SecRule ARGUMENTS_LIMIT_REACHED "!@eq 0" "id:1005,phase:2,t:none,deny,log,msg:'there are more values than the engine reads'"
SecAction "id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4250"
SecAction "id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=%d"
SecAction "id:900200,phase:1,pass,t:none,nolog,setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT PATCH DELETE'"
SecAction "id:900220,phase:1,pass,t:none,nolog,setvar:'tx.allowed_request_content_type=|application/x-www-form-urlencoded| |multipart/form-data| |text/xml| |application/xml| |application/soap+xml| |application/json| |application/merge-patch+json| |application/json-patch+json| |application/vnd.api+json| |application/ld+json|'"
`

// includes are the files that judge requests. Those that judge answers are left out: the
// engine would have to hold every answer back.
const includes = `
Include @owasp_crs/REQUEST-901-INITIALIZATION.conf
Include @owasp_crs/REQUEST-905-COMMON-EXCEPTIONS.conf
Include @owasp_crs/REQUEST-911-METHOD-ENFORCEMENT.conf
Include @owasp_crs/REQUEST-913-SCANNER-DETECTION.conf
Include @owasp_crs/REQUEST-920-PROTOCOL-ENFORCEMENT.conf
Include @owasp_crs/REQUEST-921-PROTOCOL-ATTACK.conf
Include @owasp_crs/REQUEST-922-MULTIPART-ATTACK.conf
Include @owasp_crs/REQUEST-930-APPLICATION-ATTACK-LFI.conf
Include @owasp_crs/REQUEST-931-APPLICATION-ATTACK-RFI.conf
Include @owasp_crs/REQUEST-932-APPLICATION-ATTACK-RCE.conf
Include @owasp_crs/REQUEST-933-APPLICATION-ATTACK-PHP.conf
Include @owasp_crs/REQUEST-934-APPLICATION-ATTACK-GENERIC.conf
Include @owasp_crs/REQUEST-941-APPLICATION-ATTACK-XSS.conf
Include @owasp_crs/REQUEST-942-APPLICATION-ATTACK-SQLI.conf
Include @owasp_crs/REQUEST-943-APPLICATION-ATTACK-SESSION-FIXATION.conf
Include @owasp_crs/REQUEST-944-APPLICATION-ATTACK-JAVA.conf
Include @owasp_crs/REQUEST-949-BLOCKING-EVALUATION.conf
`
