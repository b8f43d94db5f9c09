// Package outside checks the objects of the machine that a configuration names: certificates, groups
// of users, files with secrets, and the disk of the recordings.
package outside

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/gospool/spool/cmd/spool/server/unmanaged"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// Check reads the certificates and the files with secrets that a configuration names, looks up its
// groups, and compares its limits with the size of the disk. now is the time at which certificates must
// be valid. wrong holds the faults that keep a part of the recorder from working, warnings all other
// faults. No text contains a secret.
func Check(cfg *configs.Config, now time.Time) (wrong, warnings config.Problems) {
	c := checker{cfg: cfg, now: now, asked: map[string]bool{}}
	c.certificates()
	c.ownGroup()
	c.diskLimits()
	c.each(func(s *pipeline.StageInfo, settings *config.Node) {
		c.groups(s, settings)
		c.secretFiles(s, settings)
	})
	return c.wrong.Sorted(), append(c.warnings, unmanaged.Warnings(cfg)...).Sorted()
}

// Groups returns a problem for each group in the configuration that the machine lacks: no file could be
// given to it. It checks nothing else.
func Groups(cfg *configs.Config) config.Problems {
	c := checker{cfg: cfg, asked: map[string]bool{}}
	c.ownGroup()
	c.each(c.groups)
	return c.wrong.Sorted()
}

// checker collects the problems of a configuration.
type checker struct {
	cfg             *configs.Config
	now             time.Time
	asked           map[string]bool // objects that were checked already, by kind and name
	wrong, warnings config.Problems
}

// first reports whether it is called for an object for the first time, so that the fault of an object that
// several settings name is reported once. kind and name identify the object, such as secret and a path.
func (c *checker) first(kind, name string) bool {
	key := kind + " " + name
	known := c.asked[key]
	c.asked[key] = true
	return !known
}

// certificates checks the certificates of the HTTP server and of the ingest servers.
func (c *checker) certificates() {
	own := c.cfg.HTTP.TLS
	if own.Cert != "" {
		c.certificate("http/tls", own.Cert, own.Key)
	}
	for path, at := range c.cfg.Ingest.Addresses() {
		if at.Encrypted && at.Cert != "" {
			c.certificate("ingest/"+strings.TrimSuffix(path, "/listen"), at.Cert, at.Key)
		}
	}
}

// certificate checks the files of a certificate and its key. block is the path of the settings cert and
// key that name them.
func (c *checker) certificate(block, cert, key string) {
	if !c.first("certificate", cert+"\n"+key) {
		return
	}
	for _, f := range certificate.Inspect(cert, key, c.now) {
		setting := "cert"
		if f.OfKey {
			setting = "key"
		}
		p := c.cfg.Problem(config.Join(block, setting), f.File+" "+f.Reason).WithHint("%s", f.Remedy)
		if f.Serves {
			c.warnings = append(c.warnings, p)
		} else {
			c.wrong = append(c.wrong, p)
		}
	}
}

// each calls look for each stage of the pipelines and each stage in the block declare, with the stage's
// settings.
func (c *checker) each(look func(s *pipeline.StageInfo, settings *config.Node)) {
	for _, p := range c.cfg.Pipelines {
		pipeline.EachStage(p.Stages, look)
	}
	c.cfg.EachNamed(look)
}

// ownGroup checks the setting mp4.group: the group of all recordings.
func (c *checker) ownGroup() {
	c.group(c.cfg.MP4.Group, func(msg, hint string) {
		c.wrong = append(c.wrong, c.cfg.Problem("mp4/group", msg).WithHint("%s", hint))
	})
}

// group calls say with a problem if the machine has no group of this name. It does nothing for an empty name.
func (c *checker) group(name string, say func(msg, hint string)) {
	if name == "" || !c.first("group", name) {
		return
	}
	if _, err := disk.ParseModes("", "", name); err != nil {
		msg, hint, _ := strings.Cut(strings.TrimPrefix(err.Error(), "group: "), ": ")
		say(msg, hint)
	}
}

// groups checks the groups in the settings of one stage.
func (c *checker) groups(s *pipeline.StageInfo, settings *config.Node) {
	for _, n := range s.Written(settings, pipeline.FileGroup) {
		text, _ := n.Text()
		c.group(text, func(msg, hint string) { c.wrong.Add(n, hint, "%s", msg) })
	}
}

// secretFiles checks the files with secrets in the settings of one stage.
func (c *checker) secretFiles(s *pipeline.StageInfo, settings *config.Node) {
	for _, m := range s.Reaches() {
		if pipeline.Reach(m.Text) != pipeline.ReachesSecretFile {
			continue
		}
		for _, n := range settings.All(m.Path) {
			c.secretFile(n)
		}
	}
}

// maxSecret bounds the size of a file with a secret in bytes.
const maxSecret = 64 << 10

// secretFile checks the file with a secret whose path is the value of the setting n. It adds an error if the
// file is missing, unreadable or empty, and a warning if every user of the machine has access to it. It
// checks a file that several settings name only once.
func (c *checker) secretFile(n *config.Node) {
	name, _ := n.Text()
	if name == "" || !c.first("secret", name) {
		return
	}
	text, err := filesystem.ReadRegular(name, maxSecret)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.wrong.Add(n, "make the file, or correct its name: nothing is sent unsigned", "%s is not there", name)
	case errors.Is(err, fs.ErrPermission):
		c.wrong.Add(n, fmt.Sprintf("let spool's user (%d) read it", os.Geteuid()), "%s may not be read", name)
	case err != nil:
		c.wrong.Add(n, "give a file that holds the secret and no more", "%s cannot be read: %v", name, err)
	case len(bytes.TrimSpace(text)) == 0:
		c.wrong.Add(n, "write the secret into it: openssl rand -hex 32 makes one", "%s is empty", name)
	default:
		if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o007 != 0 {
			c.warnings.Add(n, "chmod o= "+name, "%s holds a secret, and every user of the machine may use it: its mode is %04o", name, info.Mode().Perm())
		}
	}
}
