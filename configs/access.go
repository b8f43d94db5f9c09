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

// Auth lists the users and tokens of the API. A user writes it as a map, or as the word none.
type Auth struct {
	None   bool    `yaml:"-"`
	Users  []User  `yaml:"users,omitempty" doc:"Users, who sign in with name and password."`
	Tokens []Token `yaml:"tokens,omitempty" doc:"Programs, which send a bearer token."`
}

// User is a person who signs in to the API with a name and a password.
type User struct {
	Name         string        `yaml:"name"`
	PasswordHash config.Secret `yaml:"password_hash" doc:"Made by spool passwd."`
	Roles        []string      `yaml:"roles" oneof:"view control admin declare" doc:"view: read everything. control: view, and start, stop and protect. admin: control, and delete and reload. declare: view, and make pipelines within the bounds of the block declare; admin does not include it. A list may have several: [control, declare]. A user with play or publish needs none."`
	LiveStreams  `yaml:",inline"`
}

// LiveStreams holds patterns of the paths of live streams that a user or a token of the API may read and publish.
type LiveStreams struct {
	Play    []string `yaml:"play,omitempty" doc:"Patterns of the live streams that it may watch: * within a segment, ** for any number of segments. Without any: all, with the role view."`
	Publish []string `yaml:"publish,omitempty" doc:"Patterns of the streams that it may publish over HTTP. Without any: none."`
}

// Token is the credential with which a program uses the API.
type Token struct {
	Name        string       `yaml:"name" doc:"For the log."`
	Token       config.Token `yaml:"token" doc:"The secret, or sha256: and its hex digest."`
	Roles       []string     `yaml:"roles" oneof:"view control admin declare" doc:"As of users."`
	LiveStreams `yaml:",inline"`
}

// TLS names the PEM files of a certificate and its key. The server reads them again when they change.
type TLS struct {
	Cert string `yaml:"cert" doc:"File of the certificate and its intermediate certificates."`
	Key  string `yaml:"key" public:"a file's name" doc:"File of its key."`
}

// IngestAuth lists the users that may publish or play by another protocol than HTTP. A user writes it as a map, or as the word none.
type IngestAuth struct {
	None  bool        `yaml:"-"`
	Users []Publisher `yaml:"users,omitempty" doc:"Cameras, encoders and players, which send name and password, or with digest a response that proves the password."`
}

// Publisher is a user that may publish or play streams whose paths match its patterns.
type Publisher struct {
	Name         string        `yaml:"name"`
	PasswordHash config.Secret `yaml:"password_hash,omitempty" doc:"Made by spool passwd. It needs the password itself, which the server accepts encrypted, on a loopback address, or with plain_basic."`
	Digest       Digest        `yaml:"digest,omitempty" doc:"Made by spool passwd --digest, instead of password_hash or beside it: Digest does not send the password. The server requests it when every user has one, and where it does not accept passwords."`
	Publish      []string      `yaml:"publish,omitempty" doc:"Patterns of the streams that it may publish: * within a segment, ** for any number of segments. Without any: none."`
	Play         []string      `yaml:"play,omitempty" doc:"Patterns of the streams that it may play here. Without any: none."`
}

// Digest holds the hashes with which the server verifies RTSP's digest authentication (RFC 7616). Within its
// realm, a hash is as good as the password, so it is a secret.
type Digest struct {
	Realm  string        `yaml:"realm" doc:"The same for all users."`
	MD5    config.Secret `yaml:"md5,omitempty" doc:"For ffmpeg and most cameras, which support no other algorithm."`
	SHA256 config.Secret `yaml:"sha256,omitempty" doc:"Offered first, when every user with a digest has it."`
}

const wordNone = "none"

// SetWord sets None for the word "none", and returns an error for another word. See config.Shorthand.
func (a *Auth) SetWord(w string) error {
	if w != wordNone {
		return errors.New("this text is neither none nor a map of users and tokens")
	}
	*a = Auth{None: true}
	return nil
}

// Word returns "none" if None is set, else "". See config.Worded.
func (a Auth) Word() string { return word(a.None) }

// SetWord sets None for the word "none", and returns an error for another word. See config.Shorthand.
func (a *IngestAuth) SetWord(w string) error {
	if w != wordNone {
		return errors.New("this text is neither none nor a map of users")
	}
	*a = IngestAuth{None: true}
	return nil
}

// Word returns "none" if None is set, else "". See config.Worded.
func (a IngestAuth) Word() string { return word(a.None) }

func word(none bool) string {
	if none {
		return wordNone
	}
	return ""
}

// Open reports whether the API has neither users nor tokens, so that it needs no authentication.
func (a Auth) Open() bool { return len(a.Users)+len(a.Tokens) == 0 }

// accessHints holds, for the top-level blocks http and ingest, the remedy for an address of the block that
// other machines can reach without authentication.
var accessHints = map[string]string{
	"http":   "listen on 127.0.0.1, name users (spool passwd makes their hashes), or write http: {auth: none} if every client may do everything",
	"ingest": "listen on 127.0.0.1, name users (spool passwd --digest makes their digests), or write ingest: {auth: none} if every client may publish",
}

// mustBeHere adds a problem if other machines can reach the address at, the value of the setting key. The caller has
// found that this address needs no authentication. why says so at the end of the problem's text. block, which is
// http or ingest, selects the remedy from accessHints.
func (c *checks) mustBeHere(key string, at config.Address, why, block string) {
	if at.Public() {
		c.add(key, fmt.Sprintf("%s can be reached by other machines, and %s", at.Listen, why), accessHints[block])
	}
}

// checkIngestAccess adds a problem for each ingest server that other machines can reach without authentication,
// and for each encrypted one without a certificate. It adds one problem if no user could publish at any
// address.
func (c *Config) checkIngestAccess(k *checks) {
	all, auth := c.Ingest.own(), c.Ingest.Auth
	for _, path := range slices.Sorted(maps.Keys(all)) {
		at := all[path]
		if at.Encrypted && (at.Cert == "" || at.Key == "") && (c.HTTP.TLS.Cert == "" || c.HTTP.TLS.Key == "") {
			k.add("ingest/"+path, "there is no certificate for it", "set http.tls, or cert and key beside listen")
		}
		if !auth.None && len(auth.Users) == 0 {
			k.mustBeHere("ingest/"+path, at, "every client may publish there", "ingest")
		}
	}
	if path, at, useless := c.onlyDigestsAndNone(all); useless {
		k.add("ingest/"+path, fmt.Sprintf("%s can be reached by other machines and is not encrypted: the server does not accept passwords there, and no user has a digest, so that no user could publish", at.Listen),
			fmt.Sprintf(threeWays, config.SplitPath(path)[0]))
	}
}

const threeWays = `ingest.%[1]s.tls: {listen: ":8322"} encrypts; or give users a digest, made by spool passwd --digest REALM --user NAME; or write ingest.%[1]s.plain_basic: true if the passwords may be sent unencrypted`

// onlyDigestsAndNone returns useless = true if no user could publish: there are users, none of them has a digest,
// and each address of the ingest servers accepts only digests. path and at are then the setting and the value of one
// of these addresses. all holds the addresses by setting.
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

// withoutDigest returns the names of the users of ingest.auth that have no digest.
func (c *Config) withoutDigest() (names []string) {
	for _, u := range c.Ingest.Auth.Users {
		if u.Digest == (Digest{}) {
			names = append(names, u.Name)
		}
	}
	return names
}

// Check returns a problem for each user that has the name of an earlier user. Tokens may have equal names.
func (a Auth) Check() config.Problems {
	var c checks
	names := map[string]bool{}
	for i, u := range a.Users {
		c.onceOnly(names, i, u.Name)
	}
	return c.problems
}

// Check returns problems for users with equal names, for digests with different realms, and for digests of which no
// algorithm (MD5 or SHA-256) is set for every user with a digest: the server offers one realm and one list of
// algorithms to all.
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
		c.want(realm == "" || u.Digest.Realm == realm, config.Join(at, "realm"), fmt.Sprintf("%q differs from %q, the realm of another user", u.Digest.Realm, realm), "a server has one realm: spool passwd --digest REALM makes digests for it")
		realm, md5, sha256 = u.Digest.Realm, md5 && !u.Digest.MD5.Empty(), sha256 && !u.Digest.SHA256.Empty()
		c.want(md5 || sha256, at, "neither md5 nor sha256 is set for every user with a digest", "spool passwd --digest prints both")
	}
	return c.problems
}

func (c *checks) onceOnly(names map[string]bool, i int, name string) {
	c.want(!names[name], config.Join(config.Join("users", strconv.Itoa(i)), "name"), fmt.Sprintf("%q is there twice", name), "one entry a name")
	names[name] = true
}

// Check returns problems for an invalid name, a missing hash and missing roles. Package cmd/spool/server/declared
// checks the form of the hash.
func (u User) Check() config.Problems {
	var c checks
	c.signsIn(u.Name, u.PasswordHash)
	c.permitted(u.Roles, u.LiveStreams)
	return c.problems
}

// Check returns problems for a missing token and for missing roles.
func (t Token) Check() config.Problems {
	var c checks
	c.want(!t.Token.Empty(), "token", "is missing", "spool token makes one")
	c.permitted(t.Roles, t.LiveStreams)
	return c.problems
}

// Check returns problems for an invalid name, for a user with neither a password_hash nor a digest, and for missing
// or invalid patterns.
func (p Publisher) Check() config.Problems {
	var c checks
	c.named(p.Name)
	c.want(!p.PasswordHash.Empty() || p.Digest != (Digest{}), "password_hash", "is missing, and so is digest", "spool passwd makes a password_hash, spool passwd --digest a digest")
	c.want(len(p.Publish)+len(p.Play) > 0, "publish", "is empty, and so is play", `for example ["live/**"]`)
	c.patterns("publish", p.Publish)
	c.patterns("play", p.Play)
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

// permitted adds problems for a user or a token that may do nothing, and for invalid patterns.
func (c *checks) permitted(roles []string, s LiveStreams) {
	c.want(len(roles)+len(s.Play)+len(s.Publish) > 0, "roles", "is empty", "some of view, control, admin, declare")
	c.patterns("play", s.Play)
	c.patterns("publish", s.Publish)
}

// patterns adds a problem for each invalid pattern of a list.
func (c *checks) patterns(key string, list []string) {
	for i, pattern := range list {
		if _, err := streampath.ParseGlob(pattern); err != nil {
			c.add(config.Join(key, strconv.Itoa(i)), err.Error(), "")
		}
	}
}

// Check returns a problem if only one of the two files is set.
func (t TLS) Check() config.Problems {
	var c checks
	c.want((t.Cert == "") == (t.Key == ""), "", "one of cert and key is missing", "both are files in PEM form")
	return c.problems
}
