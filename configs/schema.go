package configs

import (
	"encoding/json"
	"maps"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// Schema returns a JSON Schema (2020-12) of a configuration file, for editors. stages are the stages that
// pipelines may use. The schema accepts each file that Load accepts.
func Schema(stages []pipeline.StageInfo) ([]byte, error) {
	node := func(path string) map[string]any {
		if path == "pipelines/*/stages" {
			return stagesSchema(stages)
		}
		return entrySchema(path, stages)
	}
	schema := config.Schema(Default(), node)
	maps.Copy(schema, map[string]any{
		"$id":               "https://github.com/gospool/spool/configs/schema.json", // an identifier, not an address
		"$schema":           "https://json-schema.org/draft/2020-12/schema",
		"title":             "spool",
		"description":       "Configuration of spool, a recorder of live video.",
		"patternProperties": map[string]any{"^x-": map[string]any{}}, // blocks for anchors
	})
	return json.MarshalIndent(schema, "", "  ")
}

// entrySchema returns the schema of one entry of the list declare.LIST if path is declare/LIST/* and a stage has a
// setting that names such an entry (see pipeline.StageInfo.Named). An entry has a name and the settings of that
// stage, without the setting that names the entry. For any other path, entrySchema returns nil.
func entrySchema(path string, stages []pipeline.StageInfo) map[string]any {
	for _, s := range stages {
		named, ok := s.Named()
		if !ok || path != "declare/"+named.List+"/*" {
			continue
		}
		entry := config.Schema(s.Defaults, func(string) map[string]any { return nil })
		settings, _ := entry["properties"].(map[string]any)
		delete(settings, named.Key)
		settings[keyName] = map[string]any{"type": "string"}
		entry["required"] = []any{keyName}
		entry["description"] = s.Doc
		return entry
	}
	return nil
}

// stagesSchema returns the schema of a list of stages. Each item of the list is the name of a stage, or a map of one
// such name to the stage's settings. The schema accepts any value for a list of stages inside these settings, such
// as a branch of tee.
func stagesSchema(stages []pipeline.StageInfo) map[string]any {
	names, settings := []any{}, map[string]any{}
	for _, s := range stages {
		names = append(names, s.Name)
		one := config.Schema(s.Defaults, func(string) map[string]any { return nil })
		one["description"] = s.Doc
		settings[s.Name] = one
	}
	return map[string]any{
		"type": "array", "minItems": 1,
		"items": map[string]any{"anyOf": []any{
			map[string]any{"enum": names},
			map[string]any{"type": "object", "properties": settings, "additionalProperties": false, "minProperties": 1, "maxProperties": 1},
		}},
	}
}
