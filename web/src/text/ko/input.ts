import type { Text } from "../en/index.ts";

const SAMPLES: Readonly<Record<string, string>> = {
  chart: "시험 도표",
  wave: "파동",
  noise: "잡음",
  tokens: "토큰",
  zeros: "영",
};

export const input: Text["input"] = {
  title: "입력",
  invitation: "여기에 그리거나, 그림을 끌어다 놓거나, 고르세요:",
  invitationPicture: "그림을 끌어다 놓거나 붙여 넣거나, 고르세요:",
  invitationNumbers: "고르거나 숫자를 붙여 넣으세요:",
  sample: (name) => (name.startsWith("digit-") ? `숫자 ${name.slice(6)}` : (SAMPLES[name] ?? name)),
  file: "파일 …",
  draw: "그리기",
  clear: "지우기",
  camera: "카메라",
  cameraTake: "찍기",
  cameraRefused: "카메라를 쓸 수 없습니다. 브라우저나 사용자가 허락하지 않았습니다.",
  numbers: "숫자 …",
  numbersTitle: "이 입력의 숫자",
  numbersHelp: (shape) => `축과 같이 겹친 JSON, 모양은 ${shape}. 배치는 빼도 됩니다.`,
  numbersWrong: "숫자로 된 JSON이 아닙니다.",
  use: "사용",
  pad: (name) =>
    `${name}: 그림판. 화살표 키로 움직이고, 스페이스로 그리고, Delete로 지우고, Control Z로 마지막 획을 되돌립니다.`,
  picture: (name, shape) => `네트워크가 보는 ${name}: ${shape}`,
  pixels: "척도",
  pixelsOf: {
    none: "0 … 255",
    unit: "0 … 1",
    signed: "−1 … 1",
    caffe: "caffe: BGR, 평균을 뺌",
    torch: "torch: 평균을 빼고 편차로 나눔",
  },
  asNetwork: "네트워크가 정한 대로",
  resize: "크기 조정",
  resizeOf: { bilinear: "bilinear", nearest: "nearest", none: "none: 맞아야 함" },
  was: (size, format) => `${size} ${format}, 크기 조정`,
  tooLargeForLink: "이 입력은 링크에 담기에 너무 큽니다. 링크를 여는 사람은 대신 견본을 봅니다.",
  tooLargeForSample: (values) => `이 입력에는 값이 ${values}개 있습니다. 파일을 고르세요.`,
  drop: "놓으세요: 그림, 숫자 또는 네트워크",
  dropInput: "입력으로",
  dropNetwork: "네트워크나 가중치로",
};
