package declared

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/stages/hub"
)

// Compile builds the pipelines of a configuration and returns them. It also checks the settings that only other
// parts of the program can parse: pull URLs, the data source name, password hashes, digests and tokens. It does
// no I/O. The error is config.Problems with all problems.
func Compile(cfg *configs.Config) ([]recorder.Declared, error) {
	declared, problems := cfg.Compile()
	problems = append(problems, checkAccess(cfg)...)
	problems = append(problems, checkDatabase(cfg)...)
	for _, path := range slices.Sorted(maps.Keys(cfg.Streams)) {
		s := cfg.Streams[path]
		options := hub.PullOptions{
			Path: string(path), Transport: s.Transport, Fingerprint: s.TLS.Fingerprint,
			Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock,
		}
		for i, raw := range s.Pull.Reveal() {
			at := cfg.Problem(config.Join("streams", string(path))+"/"+s.PullKey(i), "")
			if _, _, runs := config.CommandOf(raw); runs && !at.Pos.InFile() {
				at.Msg, at.Hint = "it runs a command, which only the configuration file may name", "write it in the file"
				problems = append(problems, at)
				continue
			}
			if _, err := hub.NewPuller(raw, options); err != nil {
				at.Msg = err.Error()
				problems = append(problems, at)
			}
		}
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return declared, nil
}

// Problems returns the problems that Compile finds in a configuration.
func Problems(cfg *configs.Config) config.Problems {
	_, err := Compile(cfg)
	var problems config.Problems
	errors.As(err, &problems)
	return problems
}

// checkDatabase checks the setting database.dsn with the parser of its driver.
func checkDatabase(cfg *configs.Config) (problems config.Problems) {
	if cfg.Database.DSN.Empty() || cfg.Database.Driver == "" {
		return nil // another check reports this
	}
	if _, err := database.Parse(cfg.Database.Driver, cfg.Database.DSN.Reveal()); err != nil {
		msg, hint, _ := strings.Cut(strings.TrimPrefix(err.Error(), "database.dsn "), "; ")
		if hint != "" {
			hint += "; special characters in a password of a URL are percent-encoded: %2F for /, %40 for @"
		}
		problems = append(problems, cfg.Problem("database/dsn", msg).WithHint("%s", hint))
	}
	return problems
}

// checkAccess returns a problem for each invalid password hash, digest and token in http.auth and
// ingest.auth.
func checkAccess(cfg *configs.Config) (problems config.Problems) {
	check := func(list string, i int, key string, err error) {
		if err != nil {
			problems = append(problems, cfg.Problem(list+"/"+strconv.Itoa(i)+"/"+key, err.Error()))
		}
	}
	for i, u := range cfg.HTTP.Auth.Users {
		check("http/auth/users", i, "password_hash", auth.CheckHash(u.PasswordHash.Reveal()))
	}
	for i, t := range cfg.HTTP.Auth.Tokens {
		check("http/auth/tokens", i, "token", auth.CheckToken(t.Token.Reveal()))
	}
	for i, u := range cfg.Ingest.Auth.Users {
		if !u.PasswordHash.Empty() {
			check("ingest/auth/users", i, "password_hash", auth.CheckHash(u.PasswordHash.Reveal()))
		}
		if u.Digest != (configs.Digest{}) {
			check("ingest/auth/users", i, "digest", auth.Digest{Realm: u.Digest.Realm, MD5: u.Digest.MD5.Reveal(), SHA256: u.Digest.SHA256.Reveal()}.Check(u.Name))
		}
	}
	return problems
}
