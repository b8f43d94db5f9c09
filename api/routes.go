package api

import (
	"net/http"
	"slices"

	"github.com/gospool/spool/api/auth"
)

// routes returns the table of all endpoints. A new endpoint is a row here, and its handler is in a
// file of its own.
func routes() []route {
	return append([]route{
		{op: "index", method: "GET", path: "/mp4", alias: "/mp4/", summary: "Name, version and endpoints", role: auth.View,
			answer: indexAnswer{}, handle: (*Server).index},
		{op: "openAPI", method: "GET", path: "/mp4/openapi.json", summary: "This interface as OpenAPI 3.1", role: auth.View,
			media: "application/json", handle: (*Server).openAPI},

		{op: "start", method: "POST", path: "/mp4/start/*stream_path", summary: "Start to record a stream, from the newest key frame in memory", role: auth.Control,
			query: startParams, answer: startAnswer{}, codes: []int{404, 409}, handle: (*Server).start},
		{op: "stop", method: "POST", path: "/mp4/stop/*stream_path", summary: "Stop a recording; the answer comes when its file is finished", role: auth.Control,
			answer: stopAnswer{}, codes: []int{404, 409}, handle: (*Server).stop},
		{op: "status", method: "GET", path: "/mp4/status/*stream_path", summary: "Status of a stream's recording", role: auth.View,
			answer: statusAnswer{}, codes: []int{404}, handle: (*Server).status},
		{op: "list", method: "GET", path: "/mp4/list", summary: "Streams that are being recorded", role: auth.View,
			query: pageOfNames("streams"), answer: listAnswer{}, handle: (*Server).list},
		{op: "streams", method: "GET", path: "/mp4/streams", summary: "Streams that are live, configured, or were live before", role: auth.View,
			query: pageOfNames("streams"), answer: streamsAnswer{}, handle: (*Server).streams},
		{op: "forgetStream", method: "DELETE", path: "/mp4/streams/*stream_path", summary: "Remove an offline stream from the list; its recordings stay", role: auth.Admin,
			answer: forgottenAnswer{}, codes: []int{404, 409}, handle: (*Server).forget},
		{op: "connections", method: "GET", path: "/mp4/connections", summary: "Open connections of clients that publish or read, by page: by protocol, the oldest first", role: auth.View,
			query: connectionParams, answer: connectionsAnswer{}, handle: (*Server).connections},
		{op: "endConnection", method: "DELETE", path: "/mp4/connections/:id", summary: "Close the connection of a client, which may come back", role: auth.Control,
			answer: endedAnswer{}, codes: []int{404}, handle: (*Server).endConnection},

		{op: "event", method: "POST", path: "/mp4/event/*stream_path", summary: "Record an event, with media from before it", role: auth.Control,
			body: eventBody{}, answer: eventAnswer{}, codes: []int{404, 409, 415}, handle: (*Server).event},
		{op: "events", method: "GET", path: "/mp4/events", summary: "Events by page, newest first", role: auth.View,
			query: eventParams, answer: eventsAnswer{}, handle: (*Server).events},

		{op: "records", method: "GET", path: "/mp4/records", summary: "Recordings by page, newest first", role: auth.View,
			query: recordParams, answer: recordsAnswer{}, handle: (*Server).records},
		{op: "coverage", method: "GET", path: "/mp4/coverage", summary: "Spans of time with recordings, by stream", role: auth.View,
			query: coverageParams, answer: coverageAnswer{}, handle: (*Server).coverage},
		{op: "deleteRange", method: "DELETE", path: "/mp4/records", summary: "Delete the recordings that lie wholly in a range", role: auth.Admin,
			query: removeParams, answer: removeAnswer{}, handle: (*Server).removeRange},
		{op: "record", method: "GET", path: "/mp4/records/:id", summary: "One recording", role: auth.View,
			answer: recordAnswer{}, codes: []int{404}, handle: (*Server).record},
		{op: "patchRecord", method: "PATCH", path: "/mp4/records/:id", summary: "Protect a recording from deletion, or end the protection", role: auth.Control,
			body: recordPatch{}, answer: recordAnswer{}, codes: []int{404, 409, 415}, handle: (*Server).patchRecord},
		{op: "deleteRecord", method: "DELETE", path: "/mp4/records/:id", summary: "Delete a recording and its file", role: auth.Admin,
			answer: deletedAnswer{}, codes: []int{404, 409}, handle: (*Server).removeRecord},

		{op: "files", method: "GET", path: "/mp4/vod", summary: "Files that can be fetched, by page", role: auth.View,
			query: recordParams, answer: vodAnswer{}, handle: (*Server).vodList},
		{op: "file", method: "GET", path: "/mp4/vod/*filename", summary: "A recording's file, with ranges and conditions (RFC 9110)", role: auth.View,
			query: vodParams, media: "video/mp4", codes: []int{404, 409, 416}, handle: (*Server).vod},

		{op: "schedule", method: "GET", path: "/mp4/schedule", summary: "What the schedule records now and why, and its next actions", role: auth.View,
			query: scheduleParams, answer: scheduleAnswer{}, handle: (*Server).schedule},
		{op: "pipelines", method: "GET", path: "/mp4/pipelines", summary: "The declared pipelines", role: auth.View,
			query: pageOfNames("pipelines"), answer: pipelinesAnswer{}, handle: (*Server).pipelines},
		{op: "pipeline", method: "GET", path: "/mp4/pipelines/:name", summary: "One declared pipeline", role: auth.View,
			answer: onePipelineAnswer{}, codes: []int{404}, handle: (*Server).onePipeline},
		{op: "putPipeline", method: "PUT", path: "/mp4/pipelines/:name", summary: "Declare a pipeline, in the form of the configuration file; it survives a restart", role: auth.Declare,
			about: "It reaches outside the recorder only what the block declare of the configuration file names: exec: {use: NAME} runs a command of declare.exec, webhook: {use: NAME} notifies a server of declare.webhooks, record_path is mp4.record_path, one of declare.directories, or below. Every other setting that reaches a command, URL, secret, file, directory or environment variable is refused with 422: the problem has the path of the setting, and its hint says what to write in the configuration file. It replaces a pipeline of the file with the same name until it is deleted.",
			query: dryRunParams, body: pipelineBody{}, yaml: true, answer: declaredAnswer{}, codes: []int{413, 415}, others: map[int]any{422: refusedAnswer{}}, handle: (*Server).putPipeline},
		{op: "removePipeline", method: "DELETE", path: "/mp4/pipelines/:name", summary: "Delete a pipeline that was made by API, including one that is kept but not run", role: auth.Declare,
			query: dryRunParams, answer: declaredAnswer{}, codes: []int{404, 409}, others: map[int]any{422: refusedAnswer{}}, handle: (*Server).removePipeline},
		{op: "startPipeline", method: "POST", path: "/mp4/pipelines/:name/start", summary: "Let a pipeline record, and begin the recordings of its streams", role: auth.Control,
			answer: heldAnswer{}, codes: []int{404}, handle: (*Server).startPipeline},
		{op: "stopPipeline", method: "POST", path: "/mp4/pipelines/:name/stop", summary: "End a pipeline's recordings within the deadline, and begin none until start", role: auth.Control,
			answer: heldAnswer{}, codes: []int{404}, handle: (*Server).stopPipeline},
		{op: "drainPipeline", method: "POST", path: "/mp4/pipelines/:name/drain", summary: "Stop a pipeline, and wait for its files without a time limit", role: auth.Control,
			answer: heldAnswer{}, codes: []int{404}, handle: (*Server).drainPipeline},
		{op: "reload", method: "POST", path: "/mp4/reload", summary: "Read the configuration again; unchanged parts go on", role: auth.Admin,
			answer: reloadAnswer{}, others: map[int]any{422: refusedAnswer{}}, handle: (*Server).reload},

		{op: "retention", method: "GET", path: "/mp4/retention", summary: "The next deletions and their reasons, how far back each stream reaches, when the disk will be full", role: auth.View,
			query: retentionParams, answer: retentionAnswer{}, codes: []int{503}, handle: (*Server).retention},
		{op: "confirmRetention", method: "POST", path: "/mp4/retention/confirm", summary: "Confirm that the clock is right and that the recordings that have expired by it may be deleted", role: auth.Admin,
			answer: confirmAnswer{}, codes: []int{409, 503}, handle: (*Server).confirmRetention},

		{op: "health", method: "GET", path: "/mp4/health", summary: "Present problems: since when, why, and what to do", role: auth.View,
			query: healthParams, answer: healthAnswer{}, handle: (*Server).health},
		{op: "healthz", method: "GET", path: "/healthz", summary: "The process answers", media: "text/plain", handle: (*Server).healthz},
		{op: "readyz", method: "GET", path: "/readyz", summary: "Everything that recording needs works", answer: readyAnswer{}, others: map[int]any{503: readyAnswer{}}, handle: (*Server).readyz},
		{op: "metrics", method: "GET", path: "/metrics", summary: "Figures for Prometheus", role: auth.View,
			media: "text/plain", handle: (*Server).metrics},
	}, slices.Concat(playRoutes(), liveRoutes(), peerRoutes(), momentRoutes(), exportRoutes(), pageRoutes())...)
}

// indexAnswer describes the server at GET /mp4: its endpoints, the addresses to publish streams
// to, and the roles of the caller.
type indexAnswer struct {
	Status    string           `json:"status" enum:"success"`
	Name      string           `json:"name"`
	Version   string           `json:"version"`
	PublishTo []PublishAddress `json:"publish_to" doc:"addresses to publish streams to"`
	Roles     []auth.Role      `json:"roles" doc:"roles of the caller: view, control, admin, declare"`
	Endpoints []endpoint       `json:"endpoints"`
}

type endpoint struct {
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Summary string    `json:"summary"`
	Role    auth.Role `json:"role,omitempty" enum:"view,control,admin,declare"`
}

func (s *Server) index(w http.ResponseWriter, r *request) error {
	a := indexAnswer{Status: "success", Name: s.cfg.Name, Version: s.cfg.Version, PublishTo: orEmpty(s.deps.PublishTo()), Roles: orEmpty(r.who.Roles.List())}
	for i := range s.table {
		rt := &s.table[i]
		a.Endpoints = append(a.Endpoints, endpoint{rt.method, rt.template(), rt.summary, rt.role})
	}
	answer(w, http.StatusOK, a)
	return nil
}
