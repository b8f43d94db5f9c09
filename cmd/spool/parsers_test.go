package main

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parsers lists the files that parse bytes from outside. For each it names the guard against
// unbounded work: a fuzz target, a test that lengthens the input and counts the cost (both in
// the file's own package or named with it), or the reason why the input is short. A name that
// ends in a slash stands for a whole directory.
var parsers = map[string]string{
	"api/body/body.go":                   "api.FuzzEventBody api.TestTheCostOfARequestIsProportional",
	"api/export/record.go":               "FuzzRecord",
	"api/export/upkeep.go":               "short: maxRecordBytes",
	"api/export/manifest/":               "FuzzManifest FuzzPublicKey TestTheCostOfAManifestIsProportional",
	"api/export/verify/":                 "FuzzArchive api/export/manifest.FuzzManifest api/export/manifest.TestTheCostOfAManifestIsProportional",
	"api/forwarded/forwarded.go":         "FuzzClient TestTheCostOfAHeaderIsBounded",
	"api/auth/authenticator.go":          "FuzzHash api.TestTheCostOfARequestIsProportional",
	"stages/egress/hls/serve.go":         "short: the query of a URL, which the server's limit of headers bounds",
	"stages/ingest/rtmp/":                "FuzzMessages FuzzConnection",
	"stages/ingest/rtmp/flv/":            "FuzzPackets",
	"stages/ingest/rtmp/wire/":           "FuzzChunks FuzzCommand",
	"stages/ingest/mpegts/":              "FuzzDemuxer FuzzTables FuzzMap FuzzPES",
	"stages/ingest/mpegts/udp/":          "FuzzRTP TestAddresses",
	"stages/ingest/httppull/":            "short: maxHeaderBytes; packages mpegts and hls read the body",
	"stages/ingest/hls/":                 "FuzzPlaylist FuzzSegment FuzzDecrypter TestTheCostOfAPlaylistIsProportional stages/ingest/mpegts.FuzzDemuxer",
	"stages/ingest/webrtc/":              "FuzzOffer FuzzFragment TestOffersThatAreRefused",
	"stages/ingest/srt/transport/":       "FuzzHandshake FuzzConn FuzzTimebase TestAHandshakeFloodKeepsNothing",
	"stages/ingest/srt/":                 "FuzzStreamID FuzzPullURL",
	"stages/ingest/exec/":                "FuzzByteStream FuzzSplit TestTheCostOfAByteStreamIsProportional",
	"stages/egress/replay/":              "FuzzRequest FuzzPlace",
	"stages/egress/rtp/":                 "FuzzUnit TestAPictureIsPacketisedWithoutAllocation",
	"api/events.go":                      "FuzzEventBody TestTheCostOfARequestIsProportional",
	"api/auth/password.go":               "FuzzHash",
	"api/auth/digest.go":                 "short: two hashes of a setting",
	"api/pipelines.go":                   "pipeline/config.FuzzParse pipeline/config.TestTheCostOfATextIsProportional",
	"api/params/params.go":               "FuzzTimes api.TestTheCostOfARequestIsProportional",
	"api/playback/clip/":                 "FuzzTracks FuzzParsePin TestTheCostOfTracksIsProportional",
	"api/playback/mediamtx/":             "FuzzRequest FuzzOrigins api.TestTheCostOfARequestIsProportional",
	"api/playback/range_header.go":       "FuzzRange TestTheCostOfRangesIsBounded",
	"api/records.go":                     "TestTheCostOfARequestIsProportional",
	"api/scrub/scrub.go":                 "FuzzScrub api.TestTheCostOfScrubbingIsProportional",
	"configs/check.go":                   "FuzzLoad",
	"configs/defaults.go":                "short: the program's own default.yaml",
	"configs/resolve.go":                 "short: the program's own pipeline.yaml",
	"configs/http.go":                    "FuzzLoad",
	"configs/layers.go":                  "FuzzLoad pipeline/config.TestTheCostOfATextIsProportional",
	"cmd/spool/bench.go":                 "pipeline/config.FuzzParse",
	"cmd/spool/server/declared/watch.go": "short: compared only, and read by config.ReadFile",

	"cmd/spool/server/commands.go":              "short: maxCommandBytes",
	"cmd/spool/probe/":                          "short: a URL of the command line; package file reads files",
	"cmd/spool/record/":                         "short: a URL of the command line",
	"cmd/spool/export/":                         "short: maxAnswerBytes, maxTokenBytes and maxKeyBytes; package verify reads exports",
	"cmd/spool/passwd.go":                       "short: what its user types",
	"cmd/spool/server/declared/change.go":       "pipeline/config.FuzzParse pipeline/config.TestTheCostOfATextIsProportional",
	"cmd/spool/server/declared/store.go":        "pipeline/config.FuzzParse pipeline/config.TestTheCostOfATextIsProportional",
	"configs/hints.go":                          "short: messages of this program",
	"cmd/spool/server/outside/":                 "short: maxSecret bytes, which are not looked at but for whether there are any",
	"cmd/spool/server/declared/manual_stops.go": "pipeline/filesystem.TestAFileThatIsTooLongIsNotRead",
	"cmd/spool/server/seen/seen.go":             "pipeline/filesystem.TestAFileThatIsTooLongIsNotRead",

	"pipeline/codec/":                      "FuzzAAC FuzzUSAC FuzzMP3 FuzzStandalone FuzzSampleEntry TestTheCostOfAnAccessUnitIsProportional TestTheCostOfASampleEntryIsProportional",
	"pipeline/codec/adts/":                 "FuzzRead FuzzHeaderOf pipeline/codec.TestTheCostOfASampleEntryIsProportional",
	"pipeline/codec/h264/":                 "FuzzRecoveryPoint pipeline/codec.FuzzStandalone pipeline/codec.TestTheCostOfAnAccessUnitIsProportional stages/ingest.FuzzHeads stages/ingest.FuzzParamSets",
	"pipeline/codec/h265/":                 "pipeline/codec.FuzzStandalone pipeline/codec.TestTheCostOfAnAccessUnitIsProportional stages/ingest.FuzzHeads stages/ingest.FuzzParamSets",
	"pipeline/codec/jpeg/":                 "FuzzSize TestAHeaderAllocatesNothing",
	"pipeline/certificate/":                "short: the operator's files of a certificate",
	"pipeline/durable/fs.go":               "pipeline/filesystem.TestAFileThatIsTooLongIsNotRead",
	"pipeline/filesystem/lock.go":          "FuzzLockFile",
	"pipeline/filesystem/mounted_linux.go": "short: of the kernel",
	"pipeline/filesystem/process.go":       "short: of the kernel",
	"pipeline/filesystem/process_linux.go": "short: of the kernel",
	"pipeline/filesystem/readfile.go":      "TestAFileThatIsTooLongIsNotRead",
	"pipeline/filesystem/ours.go":          "TestAFileThatAnotherUserCanWriteIsNotRead",
	"pipeline/isobmff/":                    "FuzzBoxes FuzzFragment FuzzSampleTable FuzzTables FuzzHeaders pipeline/codec.FuzzSampleEntry pipeline/codec.TestTheCostOfASampleEntryIsProportional TestTheCostOfAWalkIsProportional TestTheCostOfARunIsProportional TestTheCostOfTablesIsProportional",
	"pipeline/isobmff/index/":              "FuzzIndex TestTheCostOfASpanIsThatOfItsBlocks",
	"pipeline/mpegts/":                     "FuzzMuxer",
	"pipeline/media/id.go":                 "FuzzParseID",
	"pipeline/streampath/streampath.go":    "short: maxGlob, and MaxBytes",
	"pipeline/recorder/cron.go":            "FuzzParseCron",
	"pipeline/config/":                     "FuzzParse FuzzDecode FuzzUnits TestTheCostOfATextIsProportional",

	"sinks/metadata/":                    "FuzzParseAside FuzzCursor FuzzStreamFilter sinks/metadata/journal.TestTheCostOfAJournalIsProportional",
	"sinks/metadata/journal/":            "FuzzScanRecords TestTheCostOfAJournalIsProportional",
	"sinks/metadata/row/":                "sinks/metadata/journal.FuzzScanRecords sinks/metadata/journal.TestTheCostOfAJournalIsProportional",
	"sinks/metadata/database/":           "short: a setting",
	"sinks/metadata/database/salvage.go": "sinks/metadata.TestADamagedCatalogueIsRescued",
	"sinks/retention/expiry_wait.go":     "short: 4096 bytes",

	"sinks/mp4/":                          "FuzzScanOfDamagedFiles FuzzFragment FuzzEntry FuzzEntryAt TestTheCostOfRepairIsProportional TestTheCostOfLookingAtAFileIsProportional",
	"sinks/mp4/repair/":                   "FuzzDamagedFile sinks/mp4.TestTheCostOfRepairIsProportional",
	"sinks/mp4/keyframe.go":               "FuzzKeyFrame TestTheCostOfLookingAtAFileIsProportional",
	"sinks/mp4/sampleindex/":              "FuzzBuild TestTheCostOfTablesIsThatOfTheirBytes pipeline/isobmff/index.FuzzIndex",
	"sinks/mp4/facts/":                    "FuzzFacts",
	"sinks/mp4/filename/":                 "FuzzNamesStayInsideTheDirectory FuzzPatternsThatAreTakenMakeGoodNames",
	"pipeline/filesystem/sqlite_names.go": "short: one segment of a path",
	"configs/database.go":                 "short: a setting",
	"stages/exec.go":                      "short: a setting",
	"stages/hub/":                         "short: a setting",
	"stages/ingest/":                      "FuzzHeads FuzzParamSets FuzzReorder stages/ingest/rtp.TestTheCostOfPacketsIsProportional",
	"stages/ingest/rtp/":                  "FuzzRTP FuzzPackets FuzzDatagrams FuzzSound TestTheCostOfPacketsIsProportional stages/ingest/rtsp.FuzzReadable",
	"stages/ingest/file/":                 "FuzzReader TestTheCostOfAFileIsProportional",
	"stages/ingest/rtsp/":                 "FuzzReadable FuzzAuthorization stages/ingest/rtsp/client.FuzzEndless",
	"stages/ingest/rtsp/authscheme/":      "FuzzRead",
	"stages/ingest/rtsp/framing/":         "FuzzReader",
	"stages/ingest/testpattern/":          "FuzzParse FuzzReadFrameNumber",
	"stages/webhook/":                     "FuzzReadNotice",
	"stages/webhook/sign.go":              "pipeline/filesystem.TestAFileThatIsTooLongIsNotRead",
	"stages/webhook/deliver.go":           "short: of an answer 64 KiB are read, and thrown away",
	"pipeline/config/redact.go":           "configs.FuzzLoad",
	"sinks/metadata/dbtest/":              "short: for tests",
	"sinks/mp4/powercut/":                 "short: for tests",
	"api/playback/hls/hlscheck/":          "short: for tests",
	"api/playback/browsertest/":           "short: for tests",
	"pipeline/pipelinetest/":              "short: for tests",
	"stages/ingest/ingesttest/":           "short: for tests",
}

// parsing matches the calls that every parser of outside bytes needs.
var parsing = regexp.MustCompile(`json\.(Unmarshal|NewDecoder)|yaml\.NewLoader|io\.ReadAll|os\.ReadFile|ReadAtMost\(|config\.(ReadFile|Parse)\(|bufio\.New(Reader|Scanner)|` +
	`url\.Parse|base64\.[A-Za-z.]*Decode|hex\.Decode|(Big|Little)Endian\.Uint|LoadX509KeyPair|Sscanf|path\.Match\(|regexp\.MustCompile|\.Unmarshal\(`)

// Every parser of outside bytes has a fuzz target and a test of its cost.
func TestEveryParserOfOutsideBytesIsFuzzedAndBounded(t *testing.T) {
	for _, room := range []string{"api", "cmd", "configs", "pipeline", "sinks", "stages"} {
		require.NoError(t, fs.WalkDir(os.DirFS(root), room, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path.Join(root, name))
			if err == nil && parsing.Match(text) {
				require.NotEmpty(t, parserEntry(name), "%s reads what comes from outside: add it to parsers with its fuzz target and the test of what its input costs", name)
			}
			return err
		}))
	}
	for _, entry := range slices.Sorted(maps.Keys(parsers)) {
		_, err := os.Stat(path.Join(root, entry))
		require.NoError(t, err, "%s is in parsers", entry)
		if !strings.HasPrefix(parsers[entry], "short: ") {
			requireTests(t, entry, strings.Fields(parsers[entry]))
		}
	}
}

// parserEntry returns the entry of a file, or of the nearest directory around it.
func parserEntry(name string) (entry string) {
	for known := range parsers {
		if (name == known || strings.HasSuffix(known, "/") && strings.HasPrefix(name, known)) && len(known) > len(entry) {
			entry = known
		}
	}
	return entry
}

func requireTests(t *testing.T, entry string, names []string) {
	for _, name := range names {
		dir := path.Dir(strings.TrimSuffix(entry, "/") + "/x")
		if strings.HasSuffix(entry, ".go") {
			dir = path.Dir(entry)
		}
		if at := strings.LastIndexByte(name, '.'); at >= 0 {
			dir, name = name[:at], name[at+1:]
		}
		require.True(t, slices.ContainsFunc(testFiles(t, dir), func(text string) bool { return strings.Contains(text, "func "+name+"(") }),
			"%s: there is no %s in %s", entry, name, dir)
	}
}

func testFiles(t *testing.T, dir string) (texts []string) {
	entries, err := os.ReadDir(path.Join(root, dir))
	require.NoError(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") {
			text, err := os.ReadFile(path.Join(root, dir, e.Name()))
			require.NoError(t, err)
			texts = append(texts, string(text))
		}
	}
	return texts
}
