// Package api is the HTTP server of the product: control, status, catalogue, recordings, metrics,
// and a web page.
//
// # Shape
//
// routes.go has the table of all routes. The router, the role that each route needs, the check of
// query parameters, the index at /mp4 and the OpenAPI document are made from this table, so that
// they cannot disagree. Each resource has a file of its own; deps.go lists the dependencies.
//
// # A request's way
//
//	connection limit -> header limits -> path -> host -> origin -> route
//	-> authentication -> role -> query parameters -> handler -> answer or error
//
// The body of an error is {"status":"error","error":"TEXT"}. A client gets the text only of an
// *Error or of a fault in its own request. Any other error is logged with a number, and the client
// gets only that number, so that no path of the machine, SQL text or secret leaves the server.
//
// # Time, size, names
//
// Times are RFC 3339 in UTC with nine digits of a second, durations are in seconds, sizes in
// bytes. A file is named by its slash-separated path below the record directory.
package api
