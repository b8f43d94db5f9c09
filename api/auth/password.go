package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// hash is an argon2id hash of a password (RFC 9106). Its text, the setting password_hash, has the PHC
// string format: $argon2id$v=19$m=19456,t=2,p=1$salt$key
type hash struct {
	memoryKiB, passes uint32
	threads           uint8
	salt, key         []byte
}

// The parameters of HashPassword. They are the minimum that OWASP recommends, because each check takes
// hashMemoryKiB of memory, and a recorder has little to spare.
const (
	hashMemoryKiB = 19 << 10
	hashPasses    = 2
	hashThreads   = 1
	saltBytes     = 16
	keyBytes      = 32
)

// HashPassword returns the argon2id hash of a password with a random salt, in the form of the
// setting password_hash. It returns an error for an empty password.
func HashPassword(password string) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty")
	}
	h := hash{memoryKiB: hashMemoryKiB, passes: hashPasses, threads: hashThreads, salt: make([]byte, saltBytes)}
	_, _ = rand.Read(h.salt) // never fails (crypto/rand)
	h.key = h.derive(password, keyBytes)
	return h.String(), nil
}

// String returns the hash in the PHC string format.
func (h hash) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memoryKiB, h.passes, h.threads, b64(h.salt), b64(h.key))
}

func (h hash) derive(password string, n uint32) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memoryKiB, h.threads, n)
}

// matches reports whether a password has this hash. It compares in constant time.
func (h hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password, uint32(len(h.key))), h.key) == 1
}

// parseHash parses a hash in the PHC string format. It refuses a hash whose parameters would let a
// sign-in take too much memory or time.
func parseHash(s string) (hash, error) {
	var h hash
	bad := func(why string) (hash, error) {
		return hash{}, fmt.Errorf("password_hash is not an argon2id hash (%s): make one with spool passwd", why)
	}
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" {
		return bad("want $argon2id$v=19$m=..,t=..,p=..$salt$key")
	}
	if f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return bad("want version 19")
	}
	var threads uint32
	if n, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &h.memoryKiB, &h.passes, &threads); n != 3 || err != nil ||
		fmt.Sprintf("m=%d,t=%d,p=%d", h.memoryKiB, h.passes, threads) != f[3] {
		return bad("want m=..,t=..,p=..")
	}
	if h.passes < 1 || h.passes > 16 || threads < 1 || threads > 16 || h.memoryKiB < 8*threads || h.memoryKiB > 256<<10 {
		return bad("its costs are out of range: m up to 262144, t and p up to 16")
	}
	h.threads = uint8(threads)
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(f[4])
	h.key, err2 = base64.RawStdEncoding.DecodeString(f[5])
	if err := errors.Join(err1, err2); err != nil || len(h.salt) < 8 || len(h.key) < 16 || len(h.salt) > 64 || len(h.key) > 64 {
		return bad("salt of 8 to 64 bytes and key of 16 to 64 in unpadded base64")
	}
	return h, nil
}
