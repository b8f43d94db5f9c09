package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/spec"
)

// conforms is JSON Schema as far as the schema here goes; a word that it does not
// know is an error.
func conforms(schema map[string]any, v any, at string) error {
	for word, rule := range schema {
		check, known := rules[word]
		if !known {
			return fmt.Errorf("%s: the schema has %q", at, word)
		}
		if check != nil && !check(schema, rule, v, at) {
			return fmt.Errorf("%s: %v does not fit %s: %v", at, v, word, rule)
		}
	}
	return nil
}

type rule func(schema map[string]any, rule, v any, at string) bool

var rules map[string]rule

func init() {
	rules = map[string]rule{
		"$schema": nil, "title": nil, "description": nil, "default": nil,
		"properties": nil, "patternProperties": nil, // see additionalProperties
		"type": func(_ map[string]any, want, v any, _ string) bool {
			kinds, many := want.([]any)
			if !many {
				kinds = []any{want}
			}
			return slices.ContainsFunc(kinds, func(k any) bool { return isA(v, k.(string)) })
		},
		"enum": func(_ map[string]any, want, v any, _ string) bool { return slices.Contains(want.([]any), v) },
		"minimum": func(_ map[string]any, want, v any, _ string) bool {
			n, is := number(v)
			return !is || n >= want.(float64)
		},
		"maximum": func(_ map[string]any, want, v any, _ string) bool {
			n, is := number(v)
			return !is || n <= want.(float64)
		},
		"minItems": func(_ map[string]any, want, v any, _ string) bool {
			list, is := v.([]any)
			return !is || len(list) >= int(want.(float64))
		},
		"minProperties": func(_ map[string]any, want, v any, _ string) bool {
			m, is := v.(map[string]any)
			return !is || len(m) >= int(want.(float64))
		},
		"maxProperties": func(_ map[string]any, want, v any, _ string) bool {
			m, is := v.(map[string]any)
			return !is || len(m) <= int(want.(float64))
		},
		"anyOf": func(_ map[string]any, want, v any, at string) bool {
			return slices.ContainsFunc(want.([]any), func(s any) bool { return conforms(s.(map[string]any), v, at) == nil })
		},
		"items": func(_ map[string]any, want, v any, at string) bool {
			list, _ := v.([]any)
			return !slices.ContainsFunc(list, func(x any) bool { return conforms(want.(map[string]any), x, at+"[]") != nil })
		},
		"additionalProperties": entries,
	}
}

// entries checks the values of a map by the schema of their keys.
func entries(schema map[string]any, additional, v any, at string) bool {
	m, _ := v.(map[string]any)
	properties, _ := schema["properties"].(map[string]any)
	patterns, _ := schema["patternProperties"].(map[string]any)
next:
	for key, value := range m {
		if p, known := properties[key].(map[string]any); known {
			if conforms(p, value, at+"/"+key) != nil {
				return false
			}
			continue
		}
		for pattern := range patterns {
			if regexp.MustCompile(pattern).MatchString(key) {
				continue next
			}
		}
		if other, is := additional.(map[string]any); !is || conforms(other, value, at+"/"+key) != nil {
			return false
		}
	}
	return true
}

func isA(v any, kind string) bool {
	n, isNumber := number(v)
	switch kind {
	case "null":
		return v == nil
	case "number":
		return isNumber
	case "integer":
		return isNumber && n == float64(int64(n))
	}
	return fmt.Sprintf("%T", v) == map[string]string{"boolean": "bool", "string": "string", "object": "map[string]interface {}", "array": "[]interface {}"}[kind]
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func schemaOf(t *testing.T) map[string]any {
	t.Helper()
	var out bytes.Buffer
	require.Equal(t, exitOK, run([]string{"schema"}, &Program{Stdout: &out, Stderr: os.Stderr}))
	var schema map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &schema))
	return schema
}

func fileValue(t *testing.T, name string) (any, bool) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	n, err := spec.Parse(name, text)
	if err != nil {
		return nil, false
	}
	return n.Any(), true
}

// What is taken, the schema takes.
func TestSchemaTakesWhatIsTaken(t *testing.T) {
	schema := schemaOf(t)
	files, err := filepath.Glob(root + "/configs/testdata/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range append(files, root+"/configs/default.yaml", root+"/configs/demo.yaml", root+"/configs/reference.yaml") {
		v, ok := fileValue(t, file)
		require.True(t, ok, file)
		require.NoError(t, conforms(schema, v, file))
	}
}

// What the schema can know to be wrong, it refuses: wrong types, unknown keys and
// unknown words.
func TestSchemaRefusesWhatItCan(t *testing.T) {
	schema := schemaOf(t)
	for _, name := range []string{
		"anchor_mistake", "auth_key", "auth_user", "block_is_list", "block_is_text", "bool_as_number", "cron_action", "database_driver",
		"duration_negative", "fraction_of_days", "key_of_another_block", "log_level", "many", "not_a_map", "number_as_text", "only_text",
		"pipeline_glob_text", "pipeline_mode", "pipeline_stages_map", "rtsp_port_overflow", "stream_is_url", "sync_policy", "text_as_number",
		"transport_unknown", "typo_in_key", "unknown_block", "unknown_key",
	} {
		v, ok := fileValue(t, root+"/configs/testdata/bad/"+name+".yaml")
		require.True(t, ok, name)
		require.Error(t, conforms(schema, v, name), name)
	}
	for text, fits := range map[string]bool{
		"pipelines: {a: {stages: [source, gop_ring: {before: 5}]}}":                   true,
		"pipelines: {a: {stages: [source, gop_ring: {befor: 5}]}}":                    false,
		"pipelines: {a: {stages: [sorce]}}":                                           false,
		"pipelines: {a: {stages: [{source: {}, mp4: {}}]}}":                           false,
		"pipelines: {a: {stages: []}}":                                                false,
		"pipelines: {a: {streams: live, stages: [source]}}":                           false,
		"x-cams: &c {pull: 'rtsp://h/x'}\nstreams: {a: *c}":                           true,
		"pipelines: {a: {stages: [source, segmenter: {align: 15m, max_size: 1GiB}]}}": true,
		"pipelines: {a: {stages: [source, mp4: {fragment: 1}]}}":                      false,
	} {
		n, err := spec.Parse("test", []byte(text))
		require.NoError(t, err)
		require.Equal(t, fits, conforms(schema, n.Any(), "test") == nil, text)
	}
}
