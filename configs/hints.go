package configs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// explain replaces the hints of some problems by better ones, which need the whole configuration: the
// environment variable of a setting, the block to which a misplaced key belongs, or the form of an address.
func explain(problems config.Problems) config.Problems {
	problems = explainEnvironment(problems)
	for i := range problems {
		p := &problems[i]
		switch {
		case p.Msg == config.MsgVariable:
			p.Hint = "leave it out here, and set " + variableOf(p.Path)
		case strings.HasPrefix(p.Msg, "unknown key") && p.Pos.Line > 0 && len(config.SplitPath(p.Path)) == 1:
			if block := blockOf(p.Path); block != "" {
				p.Hint = fmt.Sprintf("it is a setting of %s: indent it below %s:", block, block)
			}
		case p.Path == "database/driver" && strings.HasPrefix(p.Msg, `unknown value "mariadb"`):
			p.Hint = config.DidYouMean("mysql") + " " + p.Hint
		case strings.HasSuffix(p.Path, "/listen"):
			if port := numberSaid.FindStringSubmatch(p.Msg); port != nil {
				p.Hint = fmt.Sprintf(`host:port in quotes, for example "127.0.0.1:%s"`, port[1])
			}
		}
	}
	return problems
}

var numberSaid = regexp.MustCompile(`this is the number ([0-9]+)$`)

var plainKey = regexp.MustCompile(`^[a-z0-9_]+$`)

// variableOf returns the advice to set a setting by its environment variable.
func variableOf(path string) string {
	keys := config.SplitPath(path)
	for _, key := range keys {
		if !plainKey.MatchString(key) || strings.HasPrefix(path, "pipelines/") {
			return "the whole setting by its variable, such as SPOOL_MP4__RECORD_PATH for mp4.record_path"
		}
	}
	return envPrefix + strings.ToUpper(strings.Join(keys, "__")) + " in the environment"
}

// blockOf returns the block that has a setting with a name. It returns "" if no block or several blocks have it.
func blockOf(name string) (block string) {
	_, docs := config.Describe(Config{})
	for path := range docs {
		keys := config.SplitPath(path)
		if len(keys) != 2 || keys[1] != name {
			continue
		}
		if block != "" {
			return ""
		}
		block = keys[0]
	}
	return block
}
