package bundle

import (
	"bytes"
	_ "embed" // the page
	"encoding/json"

	"github.com/gospool/spool/api/export/manifest"
)

// PlayerName is the name of the player in an archive.
const PlayerName = "player.html"

//go:embed player.html
var playerPage []byte

// playerData is the text in the page that Player replaces.
var playerData = []byte(`{"files":[]}`)

// Player returns a page that plays the footage of a manifest side by side, at the same wall clock. The page needs
// nothing but the files beside it.
func Player(m *manifest.Manifest) ([]byte, error) {
	type gap [2]float64 // seconds since 1970
	type file struct {
		Name   string  `json:"name"`
		Stream string  `json:"stream"`
		Start  float64 `json:"start"`
		End    float64 `json:"end"`
		Gaps   []gap   `json:"gaps"`
	}
	data := struct {
		Name  string `json:"name"`
		Cut   bool   `json:"cut"`
		Files []file `json:"files"`
	}{Name: m.Name, Cut: m.Gaps == string(Cut)}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Start == nil || f.End == nil {
			continue
		}
		shown := file{f.Name, f.Stream, float64(f.Start.UnixMicro()) / 1e6, float64(f.End.UnixMicro()) / 1e6, []gap{}}
		for _, g := range f.Gaps {
			shown.Gaps = append(shown.Gaps, gap{float64(g.Start.UnixMicro()) / 1e6, float64(g.End.UnixMicro()) / 1e6})
		}
		data.Files = append(data.Files, shown)
	}
	text, err := json.Marshal(data) // writes <, > and & as \u003c and so on, so that no text ends the script
	return bytes.Replace(playerPage, playerData, text, 1), err
}
