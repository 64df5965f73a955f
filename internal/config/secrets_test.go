package config

import (
	"testing"
	"time"
)

func TestSecrets(t *testing.T) {
	c, err := parse("conf/f.yaml", []byte(minimal+`
master_key: { current: "vault://kv/sanmon#master", previous: file:./old.key, next: age:./next.age }
secrets:
  interval: 30s
  max_age: 1h
  age: file:./age.identity
  vault: { address: "https://vault.internal:8200/", namespace: team-a, tls_ca: ./ca.pem, approle: { role_id: r-1, secret_id: cred:secret-id } }
  aws: { region: eu-central-1 }
`), now)
	if err != nil {
		t.Fatal(err)
	}
	want := Secrets{Interval: 30 * time.Second, MaxAge: time.Hour, Age: "file:conf/age.identity", AWS: AWS{Region: "eu-central-1"},
		Vault: Vault{Address: "https://vault.internal:8200", Namespace: "team-a", CA: "conf/ca.pem", RoleID: "r-1", SecretID: "cred:secret-id", AppRoleMount: "approle"}}
	if c.Secrets != want {
		t.Errorf("got  %+v\nwant %+v", c.Secrets, want)
	}
	if c.MasterKey != "vault://kv/sanmon#master" || len(c.MasterOthers) != 2 || c.MasterOthers[0] != "file:conf/old.key" || c.MasterOthers[1] != "age:conf/next.age" {
		t.Errorf("%q %q", c.MasterKey, c.MasterOthers)
	}
	if c, err = parse("f", []byte(minimal+"secrets: { vault: { address: \"http://127.0.0.1:8200\", kubernetes: { role: sanmon } } }\n"), now); err != nil ||
		c.Secrets.Vault.JWT != "file:/var/run/secrets/kubernetes.io/serviceaccount/token" || c.Secrets.Vault.KubernetesMount != "kubernetes" || c.MasterKey != "file:data/master.key" {
		t.Errorf("%v %+v", err, c)
	}
}

func TestRefusedSources(t *testing.T) {
	const away = "what other references are followed with cannot be fetched by one (write env:NAME, file:PATH or cred:NAME)"
	checkRefused(t, []refused{
		{8, "master_key: vault://kv/sanmon", "8:13: master_key: the reference cannot be followed (vault://…: write vault://MOUNT/PATH#FIELD, as in vault://secret/app/db#password)"},
		{8, "master_key: azkv://v/n", "8:13: master_key: a secret must not be written in clear (write where it is: env:NAME, file:PATH or cred:NAME)"},
		{8, "master_key: vault://kv/sanmon#key", "8:13: a reference begins with vault://, and nothing says how to follow it (add secrets.vault)"},
		{8, "master_key: age:./master.age", "8:13: a reference begins with age:, and nothing says how to follow it (add secrets.age)"},
		{8, "master_key: { previous: file:x }", "8:13: master_key.current is missing (add current: cred:sanmon-master-2)"},
		{8, "master_key: { current: file:x, previous: file:./x }", "8:42: master_key.previous is the current key (name another key, or remove it)"},
		{8, "secrets: { vault: { token: env:T } }", "8:19: secrets.vault.address is missing (add address: https://HOST:8200)"},
		{8, `secrets: { vault: { address: "https://v:8200" } }`, "8:19: secrets.vault has 0 ways to sign in (keep one of token, approle and kubernetes)"},
		{8, `secrets: { vault: { address: "https://v:8200", token: env:T, kubernetes: { role: x } } }`, "8:19: secrets.vault has 2 ways to sign in (keep one of token, approle and kubernetes)"},
		{8, `secrets: { vault: { address: "http://v:8200", token: env:T } }`, `8:30: secrets.vault.address: "http://v:8200" is not encrypted on the way (write https://HOST[:PORT]; http is for localhost, 127.0.0.1 and [::1] only)`},
		{8, `secrets: { vault: { address: "https://u:p@v:8200", token: env:T } }`, "8:30: secrets.vault.address: the address cannot be used (write https://HOST[:PORT]; http is for localhost, 127.0.0.1 and [::1] only)"},
		{8, `secrets: { vault: { address: "https://v:8200", approle: { role_id: x } } }`, "8:57: secrets.vault.approle needs role_id and secret_id (write approle: { role_id: …, secret_id: REFERENCE })"},
		{8, `secrets: { vault: { address: "https://v:8200", kubernetes: { mount: x } } }`, "8:60: secrets.vault.kubernetes.role is missing (write kubernetes: { role: NAME })"},
		{8, `secrets: { vault: { address: "https://v:8200", token: "vault://a/b#c" } }`, "8:55: secrets.vault.token: " + away},
		{8, `secrets: { age: "age:x" }`, "8:17: secrets.age: " + away},
		{8, "secrets: { age: hunter2 }", "8:17: secrets.age: a secret must not be written in clear (write where it is: env:NAME, file:PATH or cred:NAME)"},
	})
}
