Redoc.init(
  JSON.parse(document.getElementById("definition").textContent),
  {
    // Descriptions are text, and no part of the page.
    sanitize: true,
    hideLoading: true,
    requiredPropsFirst: true,
    schemaDefinitionsTagName: "Models",
  },
  document.getElementById("reference"),
);
