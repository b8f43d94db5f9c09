package main

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
)

// suggestive matches words in the name or doc of a setting that may hold a secret.
var suggestive = regexp.MustCompile(`(?i)(^|[^a-z])(passwords?|passwd|passphrase|password_hash|tokens?|secrets?|credentials?|api_?key|(private|secret|stream|access)_?key|key|dsn|urls?|uri|pull|push|commands?|environment|digests?|ha1|hash)([^a-z]|$)`)

// leaves calls do with each setting of a type that holds text, also in lists and maps.
func leaves(t reflect.Type, path string, open []reflect.Type, do func(path string, f reflect.StructField)) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(open, t) || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		kind := f.Type
		for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice || kind.Kind() == reflect.Map {
			kind = kind.Elem()
		}
		if kind.Kind() == reflect.String || kind.Kind() == reflect.Interface {
			do(path+"/"+name, f)
		}
		leaves(f.Type, path+"/"+name, append(open, t), do)
	}
}

// unhidden returns the settings of a type that suggest a secret and are shown.
func unhidden(t reflect.Type, path string) (found []string) {
	leaves(t, path, nil, func(path string, f reflect.StructField) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.Tag.Get("public") == "" && f.Tag.Get("declared") == "" && f.Tag.Get("oneof") == "" && (suggestive.MatchString(strings.ReplaceAll(name, "_", " ")) || suggestive.MatchString(f.Tag.Get("doc"))) {
			found = append(found, path)
		}
	})
	return found
}

// A setting whose name or doc suggests a secret has a type that hides it (config.Secret, Token,
// URL, DSN, Command, Environment). Otherwise its tag `public:"why"` gives the reason why every
// viewer may read it.
func TestSettingsThatMayHoldSecretsHideThem(t *testing.T) {
	found := unhidden(reflect.TypeFor[configs.Config](), "")
	for _, s := range pipeline.Stages() {
		found = append(found, unhidden(reflect.TypeOf(s.Defaults), s.Name)...)
	}
	for name, settings := range configs.Default().Ingest.Servers {
		found = append(found, unhidden(reflect.TypeOf(settings), fmt.Sprint("ingest/", name))...)
	}
	require.Empty(t, found, "give these a type of pipeline/config that hides, or the tag public:\"why they may be shown\"")
}

// The test finds a shown secret by its name and by its doc, also in lists and maps.
func TestTheSearchFindsAShownSecret(t *testing.T) {
	type below struct {
		AccessToken string `yaml:"access_token"`
		Name        string `yaml:"name" doc:"Of the user."`
	}
	type settings struct {
		StreamKey string            `yaml:"stream_key"`
		Push      string            `yaml:"push" doc:"Where it goes."`
		Header    map[string]string `yaml:"header" doc:"Sent along, such as a password."`
		Below     []below           `yaml:"below"`
		ByName    map[string]*below `yaml:"by_name"`
		Key       string            `yaml:"key" public:"a file's name"`
		Keyframes string            `yaml:"keyframes"`
	}
	require.Equal(t, []string{"x/stream_key", "x/push", "x/header", "x/below/access_token", "x/by_name/access_token"}, unhidden(reflect.TypeFor[settings](), "x"))
}
