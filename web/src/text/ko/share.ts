import type { Text } from "../en/index.ts";

export const share: Text["share"] = {
  copyAs: "코드로 복사 …",
  title: "지금 보이는 것을 코드로",
  language: "언어",
  languages: { curl: "curl", python: "Python", javascript: "JavaScript", keras: "Keras", document: "문서" },
  what: "요청",
  verbs: { activations: "활성값", arithmetic: "계산 과정", explanations: "설명" },
  help: {
    curl: "셸에서 씁니다.",
    python: "httpx가 필요합니다.",
    javascript: "Node의 모듈이나 이 페이지의 콘솔에서 씁니다.",
    keras: "가중치가 든 네트워크를 Keras에서, 지금 보이는 입력으로. keras와 httpx가 필요합니다.",
    document: "이 서비스가 받는 그대로의 네트워크입니다.",
  },
  copy: "복사",
};
