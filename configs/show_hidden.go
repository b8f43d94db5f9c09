package configs

import (
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// A setting is secret by its type alone: config.Secret, config.Token, config.URL, config.DSN, config.Command or
// config.Environment. A decoded struct hides its secrets by these types. Lists of stages are not decoded, so
// the functions of this file hide secrets in them by the types of the stages' settings.

// shownStages returns a list of stages without its secrets. Of a URL it keeps only the host, of a command only the
// program. With own set, it keeps all that the author of the list may see (see Pipeline.Shown). A placeholder
// replaces each item of the list that is not a stage.
func shownStages(list *config.Node, own bool) *config.Node {
	if list.Empty() {
		return list
	}
	stages := map[string]pipeline.StageInfo{}
	for _, s := range pipeline.Stages() {
		stages[s.Name] = s
	}
	return shownList(list, stages, own)
}

func shownList(list *config.Node, stages map[string]pipeline.StageInfo, own bool) *config.Node {
	if !list.IsList {
		return config.Cut(list)
	}
	out := *list
	out.List = make([]*config.Node, len(list.List))
	for i, n := range list.List {
		name, settings, ok := pipeline.StageEntry(n)
		stage, known := stages[name]
		if !ok || !known {
			out.List[i] = config.Cut(n)
			continue
		}
		if !n.IsMap {
			out.List[i] = n // a stage without settings
			continue
		}
		one := *n
		shown := config.Conceal(written(settings), stage.Defaults, own, func(n *config.Node) *config.Node { return shownList(n, stages, own) })
		one.Entries = []config.Entry{{Key: name, Pos: n.Entries[0].Pos, Value: shown}}
		out.List[i] = &one
	}
	return &out
}

// written returns the settings of a stage without those that the stage has from a named entry of the block declare.
// Show prints these settings at the entry.
func written(settings *config.Node) *config.Node {
	out := *settings
	out.Entries = slices.DeleteFunc(slices.Clone(settings.Entries), func(e config.Entry) bool { return e.Value.Borrowed })
	return &out
}

// shownEntries returns list, the named entries under this key in the block declare, without its secrets. A
// placeholder replaces an entry that is not a map, and each entry of a list that no stage uses.
func shownEntries(key string, list *config.Node) *config.Node {
	out := *list
	out.List = slices.Clone(list.List)
	for i, n := range list.List {
		shown := config.Cut(n)
		for _, s := range pipeline.Stages() {
			if named, ok := s.Named(); ok && named.List == key && n.IsMap {
				shown = config.Conceal(unnamed(n), s.Defaults, false, func(n *config.Node) *config.Node { return shownStages(n, false) })
				shown.Entries = slices.Insert(shown.Entries, 0, config.Entry{Key: keyName, Value: n.Get(keyName)})
			}
		}
		out.List[i] = shown
	}
	return &out
}

// exampleAuth returns examples for reference.yaml. Their secrets are not usable.
func exampleAuth() (Auth, TLS, IngestAuth) {
	hash := config.NewSecret("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	token := config.NewToken("sha256:" + strings.Repeat("0", 64))
	auth := Auth{
		Users:  []User{{Name: "alice", PasswordHash: hash, Roles: []string{"admin"}}},
		Tokens: []Token{{Name: "prometheus", Token: token, Roles: []string{"view"}}},
	}
	ingest := IngestAuth{Users: []Publisher{{
		Name: "camera01", PasswordHash: hash, Publish: []string{"live/camera01", "site/*/door"},
		Digest: Digest{Realm: "spool", MD5: config.NewSecret(strings.Repeat("0", 32)), SHA256: config.NewSecret(strings.Repeat("0", 64))},
	}}}
	return auth, TLS{Cert: "server.crt", Key: "server.key"}, ingest
}
