package configs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/streampath"
)

// Auth says who may use the API. It is a map, or the word none.
type Auth struct {
	None   bool    `yaml:"-"`
	Users  []User  `yaml:"users,omitempty" doc:"People; they sign in with name and password."`
	Tokens []Token `yaml:"tokens,omitempty" doc:"Programs; they send a bearer token."`
}

// User signs in by name and password.
type User struct {
	Name         string        `yaml:"name"`
	PasswordHash config.Secret `yaml:"password_hash" doc:"Made by spool passwd."`
	Roles        []string      `yaml:"roles" oneof:"view control admin declare" doc:"view: look. control: start, stop and protect as well. admin: delete and reload as well. declare: look, and make pipelines of what this file allows, see declare; admin does not hold it. Several may be given: [control, declare]."`
}

// Token signs a program in.
type Token struct {
	Name  string       `yaml:"name" doc:"For the log."`
	Token config.Token `yaml:"token" doc:"The secret, or sha256: and the hex digest of it."`
	Roles []string     `yaml:"roles" oneof:"view control admin declare" doc:"As of users."`
}

// TLS is a certificate in PEM files. They are read again when they change.
type TLS struct {
	Cert string `yaml:"cert" doc:"File of the certificate and those that vouch for it."`
	Key  string `yaml:"key" public:"a file's name" doc:"File of its key."`
}

// IngestAuth says who may publish. It is a map, or the word none.
type IngestAuth struct {
	None  bool        `yaml:"-"`
	Users []Publisher `yaml:"users,omitempty" doc:"Cameras and encoders; they send name and password, or with digest what shows that they know it."`
}

// Publisher may publish some streams.
type Publisher struct {
	Name         string        `yaml:"name"`
	PasswordHash config.Secret `yaml:"password_hash,omitempty" doc:"Made by spool passwd. The password itself must come for it: encrypted, where the server listens on loopback alone, or where plain_basic is set."`
	Digest       Digest        `yaml:"digest,omitempty" doc:"Made by spool passwd --digest, in place of password_hash or beside it: by Digest the password does not travel. It is asked for where every user has one, and where passwords are not taken."`
	Publish      []string      `yaml:"publish" doc:"Patterns of stream paths: * within a segment, ** for any number of segments."`
}

// Digest is what RTSP's Digest is checked by (RFC 7616). Each of its hashes is as good
// as the password, for its realm.
type Digest struct {
	Realm  string        `yaml:"realm" doc:"The same for all users."`
	MD5    config.Secret `yaml:"md5,omitempty" doc:"For ffmpeg and most cameras, which know no other."`
	SHA256 config.Secret `yaml:"sha256,omitempty" doc:"Asked for first, where every user with a digest has it."`
}

const wordNone = "none"

// SetWord takes none. See config.Shorthand.
func (a *Auth) SetWord(w string) error {
	if w != wordNone {
		return errors.New("this text is neither none nor a map of users and tokens")
	}
	*a = Auth{None: true}
	return nil
}

// Word is none, or nothing. See config.Worded.
func (a Auth) Word() string { return word(a.None) }

// SetWord takes none. See config.Shorthand.
func (a *IngestAuth) SetWord(w string) error {
	if w != wordNone {
		return errors.New("this text is neither none nor a map of users")
	}
	*a = IngestAuth{None: true}
	return nil
}

// Word is none, or nothing. See config.Worded.
func (a IngestAuth) Word() string { return word(a.None) }

func word(none bool) string {
	if none {
		return wordNone
	}
	return ""
}

// Open reports whether nobody is asked who he is.
func (a Auth) Open() bool { return len(a.Users)+len(a.Tokens) == 0 }

// accessHints are what to do about an address that others reach, by the block that it is of.
var accessHints = map[string]string{
	"http":   "listen on 127.0.0.1, name users (spool passwd makes their hashes), or write http: {auth: none} if everybody may do everything",
	"ingest": "listen on 127.0.0.1, name users (spool passwd --digest makes what they are checked by), or write ingest: {auth: none} if everybody may publish",
}

// mustBeHere refuses an address that others reach. It is the one rule for the API and for
// every server of ingest: each of the two has users of its own, or the word none.
func (c *checks) mustBeHere(key string, at config.Address, why, block string) {
	if at.Public() {
		c.add(key, fmt.Sprintf("%s can be reached by others, and %s", at.Listen, why), accessHints[block])
	}
}

// checkIngestAccess keeps a server to which anybody may publish on this machine, and does
// not let one be started to which nobody could.
func (c *Config) checkIngestAccess(k *checks) {
	all, auth := c.Ingest.Addresses(), c.Ingest.Auth
	for _, path := range slices.Sorted(maps.Keys(all)) {
		at := all[path]
		if at.Encrypted && (at.Cert == "" || at.Key == "") && (c.HTTP.TLS.Cert == "" || c.HTTP.TLS.Key == "") {
			k.add("ingest/"+path, "there is no certificate for it", "set http.tls, or cert and key beside listen")
		}
		if !auth.None && len(auth.Users) == 0 {
			k.mustBeHere("ingest/"+path, at, "anybody may publish there", "ingest")
		}
	}
	if path, at, useless := c.onlyDigestsAndNone(all); useless {
		k.add("ingest/"+path, fmt.Sprintf("%s can be reached by others and is not encrypted: passwords are not taken there as they are, and no user has a digest, so that nobody could publish", at.Listen),
			fmt.Sprintf(threeWays, config.SplitPath(path)[0]))
	}
}

const threeWays = `ingest.%[1]s.tls: {listen: ":8322"} encrypts; or give users a digest, made by spool passwd --digest REALM --user NAME; or write ingest.%[1]s.plain_basic: true if others may read the passwords`

// onlyDigestsAndNone returns an address where users want digests, and none has one, unless
// they can publish at another address.
func (c *Config) onlyDigestsAndNone(all map[string]config.Address) (path string, at config.Address, useless bool) {
	if len(c.Ingest.Auth.Users) == 0 || len(c.withoutDigest()) < len(c.Ingest.Auth.Users) {
		return "", at, false
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !all[key].TakesOnlyDigests() {
			return "", at, false
		}
		path, at, useless = key, all[key], true
	}
	return path, at, useless
}

// withoutDigest returns the names of publishers who have none.
func (c *Config) withoutDigest() (names []string) {
	for _, u := range c.Ingest.Auth.Users {
		if u.Digest == (Digest{}) {
			names = append(names, u.Name)
		}
	}
	return names
}

// Check refuses names that two users have.
func (a Auth) Check() config.Problems {
	var c checks
	names := map[string]bool{}
	for i, u := range a.Users {
		c.onceOnly(names, i, u.Name)
	}
	return c.problems
}

// Check refuses names that two users have, and digests of which a server could not ask
// for one that all can answer.
func (a IngestAuth) Check() config.Problems {
	var c checks
	names := map[string]bool{}
	realm, md5, sha256 := "", true, true
	for i, u := range a.Users {
		c.onceOnly(names, i, u.Name)
		if u.Digest == (Digest{}) {
			continue
		}
		at := config.Join(config.Join("users", strconv.Itoa(i)), "digest")
		c.want(realm == "" || u.Digest.Realm == realm, config.Join(at, "realm"), fmt.Sprintf("%q is not %q, as that of another user is", u.Digest.Realm, realm), "a server asks for one realm: spool passwd --digest REALM makes digests for it")
		realm, md5, sha256 = u.Digest.Realm, md5 && !u.Digest.MD5.Empty(), sha256 && !u.Digest.SHA256.Empty()
		c.want(md5 || sha256, at, "neither md5 nor sha256 is there for every user who has a digest", "spool passwd --digest prints both")
	}
	return c.problems
}

func (c *checks) onceOnly(names map[string]bool, i int, name string) {
	c.want(!names[name], config.Join(config.Join("users", strconv.Itoa(i)), "name"), fmt.Sprintf("%q is there twice", name), "one entry a name")
	names[name] = true
}

// Check covers what can be said without knowing what a hash is: see cmd/spool/server/declared.
func (u User) Check() config.Problems {
	var c checks
	c.signsIn(u.Name, u.PasswordHash)
	c.want(len(u.Roles) > 0, "roles", "is empty", "some of view, control, admin, declare")
	return c.problems
}

// Check is as User's.
func (t Token) Check() config.Problems {
	var c checks
	c.want(!t.Token.Empty(), "token", "is missing", "spool token makes one")
	c.want(len(t.Roles) > 0, "roles", "is empty", "some of view, control, admin, declare")
	return c.problems
}

// Check is as User's.
func (p Publisher) Check() config.Problems {
	var c checks
	c.named(p.Name)
	c.want(!p.PasswordHash.Empty() || p.Digest != (Digest{}), "password_hash", "is missing, and digest too", "spool passwd makes it, and spool passwd --digest the other")
	c.want(len(p.Publish) > 0, "publish", "is empty", `for example ["live/**"]`)
	for i, pattern := range p.Publish {
		if _, err := streampath.ParseGlob(pattern); err != nil {
			c.add(config.Join("publish", strconv.Itoa(i)), err.Error(), "")
		}
	}
	return c.problems
}

func (c *checks) named(name string) {
	c.want(name != "", "name", "is missing", "")
	c.want(!strings.Contains(name, ":"), "name", "holds a colon, which basic authentication cannot carry", "")
}

func (c *checks) signsIn(name string, hash config.Secret) {
	c.named(name)
	c.want(!hash.Empty(), "password_hash", "is missing", "spool passwd makes it")
}

// Check wants both halves.
func (t TLS) Check() config.Problems {
	var c checks
	c.want((t.Cert == "") == (t.Key == ""), "", "one of cert and key is missing", "both are files in PEM form")
	return c.problems
}
