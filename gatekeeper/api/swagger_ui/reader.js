SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reader",
  deepLinking: true,
  displayRequestDuration: true,
  // The document must not be sent to anybody to be checked, and no address may change what is shown.
  validatorUrl: null,
  queryConfigEnabled: false,
  // A token is forgotten with the page.
  persistAuthorization: false,
});
