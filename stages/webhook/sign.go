package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gospool/spool/pipeline/filesystem"
)

// Sign returns the value of the header webhook-signature for a body with an ID and a timestamp in
// Unix seconds. A receiver compares it in constant time.
func Sign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// secret returns the key that signs the notices of a target, or nil if the target has no secret. A
// secret that begins with whsec_ is base64 (Standard Webhooks); any other text is the key itself.
// An error means that the secret is configured but cannot be read.
func secret(t *Target) ([]byte, error) {
	var text []byte
	switch {
	case t.SecretFile != "":
		b, err := filesystem.ReadAtMost(t.SecretFile, 64<<10)
		if err != nil {
			return nil, errors.New("secret_file cannot be read: check that it is there and that spool may read it")
		}
		text = bytes.TrimSpace(b)
	case t.SecretEnv != "":
		text = []byte(os.Getenv(t.SecretEnv))
	default:
		return nil, nil
	}
	if len(text) == 0 {
		return nil, errors.New("the secret is empty: nothing is sent unsigned")
	}
	encoded, is := strings.CutPrefix(string(text), "whsec_")
	if !is {
		return text, nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("the secret begins with whsec_, but is not base64 behind it")
	}
	return key, nil
}
