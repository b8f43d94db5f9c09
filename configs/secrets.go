package configs

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// secrets are settings that are not shown as they are, wherever they stand. What
// is shown in their place is of the same form.
var secrets = map[string]func(string) string{
	"password_hash": func(string) string { return "xxxxx" },
	"token":         digest, // means the same, and cannot be sent
}

const digestPrefix = "sha256:"

func digest(token string) string {
	if strings.HasPrefix(token, digestPrefix) {
		return token
	}
	return fmt.Sprintf("%s%x", digestPrefix, sha256.Sum256([]byte(token)))
}

// exampleAuth returns what reference.yaml shows: nobody knows these secrets.
func exampleAuth() (Auth, TLS, IngestAuth) {
	const hash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	auth := Auth{
		Users:  []User{{Name: "alice", PasswordHash: hash, Roles: []string{"admin"}}},
		Tokens: []Token{{Name: "prometheus", Token: digestPrefix + strings.Repeat("0", 64), Roles: []string{"view"}}},
	}
	ingest := IngestAuth{Users: []Publisher{{Name: "camera01", PasswordHash: hash, Publish: []string{"live/camera01", "site/*/door"}}}}
	return auth, TLS{Cert: "server.crt", Key: "server.key"}, ingest
}
