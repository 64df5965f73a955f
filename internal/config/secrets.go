package config

import (
	"net/url"
	"strings"
	"time"
)

// Secrets says how references are followed.
type Secrets struct {
	Interval time.Duration // how often sources over the network are asked again
	MaxAge   time.Duration // how long the last value counts while its source cannot be read
	Age      string        // reference of the age identities, "" none
	Vault    Vault
	AWS      AWS
}

// Vault is where vault:// is.
type Vault struct {
	Address   string // scheme://host[:port]; "" none
	Namespace string
	CA        string // file with CA certificates; "" system
	Token     string // reference, "" none

	RoleID, SecretID, AppRoleMount string // AppRole; SecretID is a reference
	Role, JWT, KubernetesMount     string // Kubernetes; JWT is a reference
}

// AWS is how awssm:// is asked.
type AWS struct {
	Region   string // "" as each reference says
	Endpoint string // "" that of the region
}

// masterKey may be one key, or one that seals and others that still, or already, open.
func masterKey() key {
	return key{name: "master_key", def: "file:./data/master.key", secret: true, example: "{ current: cred:sanmon-master-2, previous: cred:sanmon-master }",
		doc: "Reference of the key that seals stored secrets: `env:NAME`, `file:PATH`, `cred:NAME` (systemd), or any other (docs/secrets.md). Losing it loses what is sealed; `sanmon init` makes one. Written as a mapping it says which key seals, and which others open: that is how it is rotated, while servers run.",
		shape: oneOr(secretRef(),
			key{name: "current", required: true, secret: true, shape: one(secretRef()), example: "cred:sanmon-master-2", doc: "The key that seals."},
			key{name: "previous", secret: true, shape: one(secretRef()), example: "cred:sanmon-master", doc: "The key before it, which still opens, until `sanmon keyset rotate --master` has sealed everything anew."},
			key{name: "next", secret: true, shape: one(secretRef()), example: "cred:sanmon-master-3", doc: "The key after it, which opens already: with several nodes, give it to all of them before the first one seals with it."},
		)}
}

func secretsKey() key {
	return key{name: "secrets", doc: "Where references lead, and how long what they led to counts (docs/secrets.md).", shape: section(
		key{name: "interval", def: "1m", shape: one(span(time.Second, day)), doc: "How often secrets that are elsewhere (`vault://`, `awssm://`, `gcpsm://`) are read again while the server runs. Files and credentials are looked at every second. SIGHUP reads all at once."},
		key{name: "max_age", def: "24h", shape: one(span(time.Minute, 365*day)), doc: "How long the last good value of a secret counts while its source cannot be read, or gives something that does not work. Then it is refused. The master key is kept until the end."},
		key{name: "age", secret: true, shape: one(secretRef()), example: "file:/etc/sanmon/age.identity", doc: "Reference of the identities (`AGE-SECRET-KEY-1…`) that files of `age:PATH` are decrypted with."},
		key{name: "vault", doc: "The HashiCorp Vault or OpenBao server of `vault://MOUNT/PATH#FIELD`. One way to sign in: `token`, `approle` or `kubernetes`.", shape: section(
			key{name: "address", shape: one(serviceURL()), example: "https://vault.internal:8200", doc: "Its address. http is for localhost, 127.0.0.1 and [::1] only."},
			key{name: "namespace", shape: one(anyText()), example: "team-a", doc: "Namespace of all requests."},
			key{name: "tls_ca", shape: one(filePath()), example: "/etc/sanmon/vault-ca.pem", doc: "PEM file with the authorities that its certificate is checked against. Left out: those of the system."},
			key{name: "token", secret: true, shape: one(secretRef()), example: "file:/run/vault/token", doc: "Reference of a token, as a Vault Agent writes one."},
			key{name: "approle", doc: "Sign in as a role.", shape: section(
				key{name: "role_id", shape: one(anyText()), example: "59d6d1ca-47bb-4e7e-a40b-8be3bc5a0ba8", doc: "Its id; no secret."},
				key{name: "secret_id", secret: true, shape: one(secretRef()), example: "cred:vault-secret-id", doc: "Reference of its secret id."},
				key{name: "mount", def: "approle", shape: one(anyText()), doc: "Where the method is mounted."},
			)},
			key{name: "kubernetes", doc: "Sign in with the service account of the pod.", shape: section(
				key{name: "role", shape: one(anyText()), example: "sanmon", doc: "The role at Vault."},
				key{name: "jwt", def: "file:/var/run/secrets/kubernetes.io/serviceaccount/token", secret: true, shape: one(secretRef()), doc: "Reference of the account's token."},
				key{name: "mount", def: "kubernetes", shape: one(anyText()), doc: "Where the method is mounted."},
			)},
		)},
		key{name: "aws", doc: "How `awssm://NAME` asks AWS Secrets Manager. Credentials come from the environment (AWS_ACCESS_KEY_ID and so on), the container or the instance, in this order.", shape: section(
			key{name: "region", shape: one(anyText()), example: "eu-central-1", doc: "Region of references that name none."},
			key{name: "endpoint", shape: one(serviceURL()), example: "https://secretsmanager.eu-central-1.amazonaws.com", doc: "Another address of the service, such as that of a VPC endpoint."},
		)},
	)}
}

// serviceURL is a scheme and a host.
func serviceURL() scalar {
	want := "write https://HOST[:PORT]; http is for localhost, 127.0.0.1 and [::1] only"
	return scalar{name: "URL", want: want, parse: func(s string) (any, error) {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(s, " \r\n\x00") {
			return nil, wrong{"the address cannot be used", want}
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return nil, wrong{show(s) + " is not encrypted on the way", want}
		}
		return strings.TrimRight(s, "/"), nil
	}}
}

// master reads master_key: what seals, and what else opens.
func (b *builder) master(f *field) (current string, others []string) {
	if f.form != mapping {
		return b.reference(f), nil
	}
	current = b.reference(f.get("current"))
	for _, name := range []string{"previous", "next"} {
		if ref := b.reference(f.get(name)); ref != "" {
			if ref == current {
				b.fault(f.get(name).at, "name another key, or remove it", "master_key.%s is the current key", name)
			}
			others = append(others, ref)
		}
	}
	return current, others
}

func (b *builder) secrets(f *field) Secrets {
	v, aws := f.get("vault"), f.get("aws")
	role, pod := v.get("approle"), v.get("kubernetes")
	s := Secrets{
		Interval: f.get("interval").duration(), MaxAge: f.get("max_age").duration(), Age: b.first(f.get("age")),
		Vault: Vault{
			Address: v.get("address").text(), Namespace: v.get("namespace").text(), CA: b.file(v.get("tls_ca").text()), Token: b.first(v.get("token")),
		},
		AWS: AWS{aws.get("region").text(), aws.get("endpoint").text()},
	}
	if role.set {
		s.Vault.RoleID, s.Vault.SecretID, s.Vault.AppRoleMount = role.get("role_id").text(), b.first(role.get("secret_id")), role.get("mount").text()
	}
	if pod.set {
		s.Vault.Role, s.Vault.JWT, s.Vault.KubernetesMount = pod.get("role").text(), b.first(pod.get("jwt")), pod.get("mount").text()
	}
	ways := 0
	for _, way := range []*field{v.get("token"), role, pod} {
		if way.set {
			ways++
		}
	}
	switch {
	case v.set && s.Vault.Address == "" && !v.get("address").bad:
		b.fault(v.at, "add address: https://HOST:8200", "secrets.vault.address is missing")
	case v.set && ways != 1:
		b.fault(v.at, "keep one of token, approle and kubernetes", "secrets.vault has %d ways to sign in", ways)
	case role.set && (s.Vault.RoleID == "" || s.Vault.SecretID == "") && !role.get("role_id").bad && !role.get("secret_id").bad:
		b.fault(role.at, "write approle: { role_id: …, secret_id: REFERENCE }", "secrets.vault.approle needs role_id and secret_id")
	case pod.set && s.Vault.Role == "" && !pod.get("role").bad:
		b.fault(pod.at, "write kubernetes: { role: NAME }", "secrets.vault.kubernetes.role is missing")
	}
	for scheme, missing := range map[string]bool{"vault://": s.Vault.Address == "" && !v.set, "age:": s.Age == "" && !f.get("age").set} {
		if at, used := b.used[scheme]; used && missing {
			b.fault(at, "add "+map[string]string{"vault://": "secrets.vault", "age:": "secrets.age"}[scheme], "a reference begins with %s, and nothing says how to follow it", scheme)
		}
	}
	return s
}

// first is a reference that other references need, so it leads to this machine.
func (b *builder) first(f *field) string {
	ref := b.reference(f)
	for _, scheme := range []string{"vault://", "awssm://", "gcpsm://", "age:"} {
		if strings.HasPrefix(ref, scheme) {
			b.fault(f.at, "write env:NAME, file:PATH or cred:NAME", "%s: what other references are followed with cannot be fetched by one", f.name)
		}
	}
	return ref
}

// use notes which sources references need.
func (b *builder) use(ref string, f *field) {
	for _, scheme := range []string{"vault://", "age:"} {
		if strings.HasPrefix(ref, scheme) && f.set {
			if b.used == nil {
				b.used = map[string]position{}
			}
			if _, in := b.used[scheme]; !in {
				b.used[scheme] = f.at
			}
		}
	}
}
