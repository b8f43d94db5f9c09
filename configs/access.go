package configs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
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
	Key  string `yaml:"key" doc:"File of its key."`
}

// IngestAuth says who may publish. It is a map, or the word none.
type IngestAuth struct {
	None  bool        `yaml:"-"`
	Users []Publisher `yaml:"users,omitempty" doc:"Cameras and encoders; they send name and password (Basic)."`
}

// Publisher may publish some streams.
type Publisher struct {
	Name         string        `yaml:"name"`
	PasswordHash config.Secret `yaml:"password_hash" doc:"Made by spool passwd."`
	Publish      []string      `yaml:"publish" doc:"Patterns of stream paths: * within a segment, ** for any number of segments."`
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

const accessHint = "listen on 127.0.0.1, name users (spool passwd makes their hashes), or write %s: {auth: none} if everybody may do everything"

// checkIngestIsClosed keeps a server that anybody may publish to on this machine.
func (c *Config) checkIngestIsClosed(k *checks) {
	if c.HTTP.Auth.None || c.Ingest.Auth.None || len(c.Ingest.Auth.Users) > 0 {
		return
	}
	for path, listen := range c.Ingest.addresses() {
		if host, ok := (&checks{}).address("", listen); ok && !loopback(host) {
			k.add("ingest/"+path, fmt.Sprintf("%s can be reached by others, and anybody may publish there", listen), fmt.Sprintf(accessHint, "ingest"))
		}
	}
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

// Check refuses names that two users have.
func (a IngestAuth) Check() config.Problems {
	var c checks
	names := map[string]bool{}
	for i, u := range a.Users {
		c.onceOnly(names, i, u.Name)
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
	c.want(!t.Token.Empty(), "token", "is missing", "openssl rand -hex 32 makes one")
	c.want(len(t.Roles) > 0, "roles", "is empty", "some of view, control, admin, declare")
	return c.problems
}

// Check is as User's.
func (p Publisher) Check() config.Problems {
	var c checks
	c.signsIn(p.Name, p.PasswordHash)
	c.want(len(p.Publish) > 0, "publish", "is empty", `for example ["live/**"]`)
	for i, pattern := range p.Publish {
		if _, err := pipeline.ParseGlob(pattern); err != nil {
			c.add(config.Join("publish", strconv.Itoa(i)), err.Error(), "")
		}
	}
	return c.problems
}

func (c *checks) signsIn(name string, hash config.Secret) {
	c.want(name != "", "name", "is missing", "")
	c.want(!strings.Contains(name, ":"), "name", fmt.Sprintf("%q holds a colon, which basic authentication cannot carry", name), "")
	c.want(!hash.Empty(), "password_hash", "is missing", "spool passwd makes it")
}

// Check wants both halves.
func (t TLS) Check() config.Problems {
	var c checks
	c.want((t.Cert == "") == (t.Key == ""), "", "one of cert and key is missing", "both are files in PEM form")
	return c.problems
}
