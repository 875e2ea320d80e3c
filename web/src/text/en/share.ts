export const share = {
  copyAs: "Copy as …",
  title: "What you see, as code",
  language: "Language",
  languages: { curl: "curl", python: "Python", javascript: "JavaScript", keras: "Keras", document: "Document" },
  what: "Request",
  verbs: { activations: "Activations", arithmetic: "Arithmetic", explanations: "Explanation" },
  help: {
    curl: "For a shell.",
    python: "Needs httpx.",
    javascript: "For a module of Node, or the console of this page.",
    keras: "The network with its weights in Keras, on the input that you see. Needs keras and httpx.",
    document: "The network as this service takes it.",
  },
  copy: "Copy",
};
